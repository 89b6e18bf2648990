package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// spawner starts processes from one thread that lives as long as the shim.
//
// Linux sends the parent-death signal when the thread that created a child ends, not when its process does. Were children created from
// whatever thread a goroutine happens to run on, containers would be killed at random.
type spawner struct {
	requests chan spawnRequest
}

type spawnRequest struct {
	argv  []string
	attr  *os.ProcAttr
	netns int // descriptor of the network namespace to start in; -1 for the node's
	done  chan<- spawnResult
}

type spawnResult struct {
	process *os.Process
	err     error
}

func newSpawner() (*spawner, error) {
	s := &spawner{requests: make(chan spawnRequest)}
	ready := make(chan error)
	go s.run(ready)
	return s, <-ready
}

func (s *spawner) run(ready chan<- error) {
	runtime.LockOSThread()
	node, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	ready <- err
	for request := range s.requests {
		process, err := startIn(request, node)
		request.done <- spawnResult{process, err}
	}
}

func startIn(request spawnRequest, node int) (*os.Process, error) {
	if request.netns >= 0 {
		if err := unix.Setns(request.netns, unix.CLONE_NEWNET); err != nil {
			return nil, fmt.Errorf("entering the pod's network: %w", err)
		}
		defer func() {
			if err := unix.Setns(node, unix.CLONE_NEWNET); err != nil {
				log.Fatalf("cannot return to the node's network: %v", err)
			}
		}()
	}
	return os.StartProcess(request.argv[0], request.argv, request.attr)
}

func (s *spawner) start(argv []string, attr *os.ProcAttr, netns int) (*os.Process, error) {
	attr.Sys.Pdeathsig = syscall.SIGKILL
	done := make(chan spawnResult, 1)
	s.requests <- spawnRequest{argv, attr, netns, done}
	result := <-done
	return result.process, result.err
}
