package main

import (
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"
)

const dialTimeout = 10 * time.Second

func serve(listener net.Listener, target string) {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			log.Printf("accept for %s: %v", target, err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go carry(client.(*net.TCPConn), target)
	}
}

// carry copies both ways until both sides have closed; a half-closed side stays half-closed.
func carry(client *net.TCPConn, target string) {
	defer client.Close()
	conn, err := net.DialTimeout("tcp", target, dialTimeout)
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	var both sync.WaitGroup
	for _, pair := range [][2]*net.TCPConn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].CloseWrite()
		})
	}
	both.Wait()
}
