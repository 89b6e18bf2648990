package main

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A pod's network is one /32 veth, routed as Calico does it: the pod's gateway is a link-local address that no interface carries, both
// ends know the other's MAC through a permanent neighbour entry, so no ARP and no bridge are needed and source addresses are kept.
var (
	gateway = net.IPv4(169, 254, 1, 1).To4()
	hostMAC = net.HardwareAddr{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}
)

// sandbox is a pod's network. When its namespace is closed and the last process has left, the kernel removes both ends of the veth; that
// takes it 30 ms, in which nobody has to wait.
type sandbox struct {
	ID   string `json:"id"`
	IP   string `json:"ip,omitempty"`
	Veth string `json:"veth,omitempty"`

	namespaces namespaces
}

type sandboxRequest struct {
	HostNetwork bool              `json:"host_network"`
	IP          string            `json:"ip"`
	NodeIP      string            `json:"node_ip"` // the node's address that pods see as the source of its connections
	Hostname    string            `json:"hostname"`
	Sysctls     map[string]string `json:"sysctls"`
}

func enableForwarding() error {
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

func newSandbox(id string, request sandboxRequest) (*sandbox, error) {
	s := &sandbox{ID: id}
	if request.HostNetwork {
		return s, s.namespaces.unshare(request)
	}
	ip := net.ParseIP(request.IP).To4()
	if ip == nil {
		return nil, fmt.Errorf("%q is no IPv4 address", request.IP)
	}
	s.IP, s.Veth = request.IP, "veth"+id[:min(11, len(id))]
	if err := s.build(ip, net.ParseIP(request.NodeIP).To4(), request); err != nil {
		s.namespaces.close()
		return nil, err
	}
	return s, nil
}

func (s *sandbox) build(ip, nodeIP net.IP, request sandboxRequest) error {
	if err := s.namespaces.unshare(request); err != nil {
		return err
	}
	podMAC := append(net.HardwareAddr{0x0a, 0x58}, ip...)
	link := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: s.Veth, HardwareAddr: hostMAC, TxQLen: -1},
		PeerName:         "eth0",
		PeerHardwareAddr: podMAC,
		PeerNamespace:    netlink.NsFd(s.namespaces.network()),
	}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("creating veth %s: %w", s.Veth, err)
	}
	if err := s.connectNode(link, ip, nodeIP, podMAC); err != nil {
		return err
	}
	return s.connectPod(ip)
}

func (s *sandbox) connectNode(link *netlink.Veth, ip, nodeIP net.IP, podMAC net.HardwareAddr) error {
	created, err := netlink.LinkByName(link.Name)
	if err != nil {
		return err
	}
	index := created.Attrs().Index
	if err := netlink.LinkSetUp(created); err != nil {
		return err
	}
	neighbour := &netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, IP: ip, HardwareAddr: podMAC}
	if err := netlink.NeighSet(neighbour); err != nil {
		return fmt.Errorf("neighbour %s: %w", ip, err)
	}
	route := &netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Dst: host(ip), Src: nodeIP}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("route to %s from %s: %w", ip, nodeIP, err)
	}
	return nil
}

func (s *sandbox) connectPod(ip net.IP) error {
	pod, err := netlink.NewHandleAt(netns.NsHandle(s.namespaces.network()), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer pod.Close()
	lo, err := pod.LinkByName("lo")
	if err != nil {
		return err
	}
	eth0, err := pod.LinkByName("eth0")
	if err != nil {
		return err
	}
	index := eth0.Attrs().Index
	steps := []struct {
		what string
		do   func() error
	}{
		{"lo up", func() error { return pod.LinkSetUp(lo) }},
		{"address", func() error { return pod.AddrAdd(eth0, &netlink.Addr{IPNet: host(ip)}) }},
		{"eth0 up", func() error { return pod.LinkSetUp(eth0) }},
		{"neighbour", func() error {
			return pod.NeighSet(&netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, IP: gateway, HardwareAddr: hostMAC})
		}},
		{"gateway", func() error {
			return pod.RouteAdd(&netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Dst: host(gateway)})
		}},
		{"default route", func() error { return pod.RouteAdd(&netlink.Route{LinkIndex: index, Gw: gateway}) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s of pod %s: %w", step.what, ip, err)
		}
	}
	return nil
}

func host(ip net.IP) *net.IPNet {
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(32, 32)}
}
