// Command nc sends its input to a host's port and prints what comes back: nc [-utvz] [-w SECONDS] host port, as in OpenBSD's netcat.
// Images that bring nc get this one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func main() {
	udp := flag.Bool("u", false, "UDP instead of TCP")
	_ = flag.Bool("t", false, "TCP, which is the default")
	verbose := flag.Bool("v", false, "say on standard error how connecting went")
	scan := flag.Bool("z", false, "only connect, send nothing")
	seconds := flag.Int("w", 0, "give up connecting, and end when nothing has come for so long; 0 waits for ever")
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	network := "tcp"
	if *udp {
		network = "udp"
	}
	idle := time.Duration(*seconds) * time.Second
	if err := run(network, flag.Arg(0), flag.Arg(1), idle, *verbose, *scan); err != nil {
		if *verbose {
			fmt.Fprintf(os.Stderr, "nc: connect to %s port %s (%s) failed: %v\n", flag.Arg(0), flag.Arg(1), network, err)
		}
		os.Exit(1)
	}
}

func run(network, host, port string, idle time.Duration, verbose, scan bool) error {
	conn, err := net.DialTimeout(network, net.JoinHostPort(host, port), idle)
	if err != nil {
		return err
	}
	defer conn.Close()
	if verbose {
		fmt.Fprintf(os.Stderr, "Connection to %s %s port [%s/*] succeeded!\n", host, port, network)
	}
	if scan {
		return nil
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	chunk := make([]byte, 65536)
	for {
		if idle > 0 {
			_ = conn.SetReadDeadline(time.Now().Add(idle))
		}
		n, err := conn.Read(chunk)
		if _, failed := os.Stdout.Write(chunk[:n]); failed != nil {
			return failed
		}
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
