// Command relay is the node's network: it brings the links of the namespace up, then carries connections that arrive on
// listeners of the host to addresses inside.
//
// A listening socket keeps the network namespace in which it was made. The host makes it on 127.0.0.1 and hands the file
// descriptor in, either at the start (-forward FD=ADDRESS) or later through the control socket (one JSON line
// {"target": "ADDRESS"} with the descriptor as SCM_RIGHTS; the answer is "ok" or the error). No privilege is needed on the host.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
)

type forwards []string

func (f *forwards) String() string     { return strings.Join(*f, " ") }
func (f *forwards) Set(s string) error { *f = append(*f, s); return nil }

func main() {
	var forward forwards
	nodeIP := flag.String("node-ip", "", "address of the node; the links are left alone when empty")
	serviceCIDR := flag.String("service-cidr", "", "addresses of the Services")
	control := flag.String("control", "", "path of the control socket")
	flag.Var(&forward, "forward", "FD=ADDRESS, may be repeated")
	flag.Parse()
	if *nodeIP != "" {
		if err := setUpLinks(*nodeIP, *serviceCIDR); err != nil {
			log.Fatalf("links: %v", err)
		}
	}
	for _, f := range forward {
		if err := serveDescriptor(f); err != nil {
			log.Fatalf("-forward %s: %v", f, err)
		}
	}
	if err := serveControl(*control); err != nil {
		log.Fatalf("control socket: %v", err)
	}
}

func serveDescriptor(forward string) error {
	number, target, found := strings.Cut(forward, "=")
	fd, err := strconv.Atoi(number)
	if !found || err != nil {
		return fmt.Errorf("want FD=ADDRESS")
	}
	file := os.NewFile(uintptr(fd), forward)
	listener, err := net.FileListener(file)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	go serve(listener, target)
	return nil
}
