package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
)

// setUpLinks brings lo up, gives the node its address, and routes the Services' addresses to the same link: a packet has to
// find a route before kube-proxy's rules can rewrite its destination. Everything else is unreachable, and says so at once.
//
// The link is one end of a veth pair, since pods need veth anyway while a kernel may lack the dummy driver.
func setUpLinks(nodeIP, serviceCIDR string) error {
	ip := net.ParseIP(nodeIP)
	if ip == nil {
		return fmt.Errorf("%q is not an IP address", nodeIP)
	}
	_, services, err := net.ParseCIDR(serviceCIDR)
	if err != nil {
		return err
	}
	lab := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lab0"}, PeerName: "lab1"}
	if err := netlink.LinkAdd(lab); errors.Is(err, syscall.EEXIST) {
		return nil
	} else if err != nil {
		return fmt.Errorf("veth pair: %w", err)
	}
	for _, name := range []string{"lo", "lab0", "lab1"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(32, 32)}}
	if err := netlink.AddrAdd(lab, address); err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: lab.Attrs().Index, Dst: services, Src: ip, Scope: netlink.SCOPE_LINK}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("route to the Services: %w", err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}
