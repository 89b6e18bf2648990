// The shim is the parent of every container of the embedded cluster.
//
// A process's parent is the only one that learns its exit code and holds its pipes, so the parent is this small program, which decides
// nothing: the CRI runtime, restartable, tells it over a unix socket what to run. It keeps processes, logs, exit codes and pod networks
// in memory only; when it dies the kernel ends all of them with it.
//
// It serves HTTP and JSON on -socket, and on -stream-address the streams of kubectl exec, attach and port-forward.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"

	"k8s.io/cri-streaming/pkg/streaming"
)

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	socket := flag.String("socket", "/run/labkit/sock/shim.sock", "unix socket to serve the runtime on")
	streamAddress := flag.String("stream-address", "127.0.0.1:0", "address to serve exec, attach and port-forward streams on")
	flag.Parse()
	debug.SetGCPercent(50)

	if err := enableForwarding(); err != nil {
		log.Printf("pods will not reach each other: %v", err)
	}
	spawner, err := newSpawner()
	if err != nil {
		log.Fatal(err)
	}
	s := newShim(spawner)

	streams, err := net.Listen("tcp", *streamAddress)
	if err != nil {
		log.Fatal(err)
	}
	config := streaming.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "http", Host: streams.Addr().String(), Path: "/"}
	if s.streams, err = streaming.NewServer(config, s); err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(streams, s.streams)) }()

	if err := os.Remove(*socket); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", *socket)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chmod(*socket, 0o600); err != nil {
		log.Fatal(err)
	}
	log.Printf("shim %s serves %s", s.instance, *socket)
	log.Fatal(http.Serve(listener, s.routes()))
}
