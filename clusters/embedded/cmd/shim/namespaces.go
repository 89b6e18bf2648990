package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// namespaces are what the containers of a pod share: network, host name and System V IPC. On the node's network only the IPC is its own.
// They live as long as a process is in them or these descriptors are open.
type namespaces struct {
	open []namespace
}

type namespace struct {
	kind int // CLONE_NEW...
	fd   int
}

var namespaceFiles = map[int]string{unix.CLONE_NEWNET: "net", unix.CLONE_NEWUTS: "uts", unix.CLONE_NEWIPC: "ipc"}

// unshare creates them on a thread of its own, which is thrown away because it is not the node's any more.
func (n *namespaces) unshare(request sandboxRequest) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- n.unshareThread(request)
	}()
	err := <-done
	if err != nil {
		n.close()
	}
	return err
}

func (n *namespaces) unshareThread(request sandboxRequest) error {
	kinds := []int{unix.CLONE_NEWIPC}
	if !request.HostNetwork {
		kinds = append(kinds, unix.CLONE_NEWUTS, unix.CLONE_NEWNET)
	}
	for _, kind := range kinds {
		if err := unix.Unshare(kind); err != nil {
			return fmt.Errorf("creating the pod's %s namespace: %w", namespaceFiles[kind], err)
		}
		fd, err := openNamespace(kind)
		if err != nil {
			return err
		}
		n.open = append(n.open, namespace{kind, fd})
	}
	if !request.HostNetwork {
		if err := unix.Sethostname([]byte(request.Hostname)); err != nil {
			return fmt.Errorf("setting host name %q: %w", request.Hostname, err)
		}
		// As containerd's default: a process needs no privilege to listen on port 80 of its own pod.
		if err := writeSysctl("net.ipv4.ip_unprivileged_port_start", "0"); err != nil {
			return err
		}
	}
	for name, value := range request.Sysctls {
		if err := writeSysctl(name, value); err != nil {
			return err
		}
	}
	return nil
}

// openNamespace returns a descriptor of this thread's namespace of a kind.
func openNamespace(kind int) (int, error) {
	return unix.Open("/proc/thread-self/ns/"+namespaceFiles[kind], unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// writeSysctl sets a variable of this thread's namespaces, and refuses those that are the whole machine's.
func writeSysctl(name, value string) error {
	own := strings.HasPrefix(name, "net.") || strings.HasPrefix(name, "fs.mqueue.") || name == "kernel.sem"
	own = own || strings.HasPrefix(name, "kernel.shm") || strings.HasPrefix(name, "kernel.msg")
	if !own {
		return fmt.Errorf("sysctl %s does not belong to a pod", name)
	}
	path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		return fmt.Errorf("setting sysctl %s: %w", name, err)
	}
	return nil
}

// network returns the descriptor of the network namespace, -1 when the pod is on the node's.
func (n *namespaces) network() int {
	for _, each := range n.open {
		if each.kind == unix.CLONE_NEWNET {
			return each.fd
		}
	}
	return -1
}

func (n *namespaces) enter() error {
	for _, each := range n.open {
		if err := unix.Setns(each.fd, each.kind); err != nil {
			return fmt.Errorf("entering the pod's %s namespace: %w", namespaceFiles[each.kind], err)
		}
	}
	return nil
}

func (n *namespaces) close() {
	for _, each := range n.open {
		unix.Close(each.fd)
	}
	n.open = nil
}
