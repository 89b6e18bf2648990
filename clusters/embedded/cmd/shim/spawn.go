package main

import (
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
	argv []string
	attr *os.ProcAttr
	in   *namespaces
	done chan<- spawnResult
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
	// The machine's own host name and IPC belong to a user namespace that gives no way back to them, so the node gets its own.
	if err := unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWIPC); err != nil {
		ready <- err
		return
	}
	var node namespaces
	for kind := range namespaceFiles {
		fd, err := openNamespace(kind)
		if err != nil {
			ready <- err
			return
		}
		node.open = append(node.open, namespace{kind, fd})
	}
	ready <- nil
	for request := range s.requests {
		process, err := startIn(request)
		if err := node.enter(); err != nil {
			log.Fatalf("cannot return to the node: %v", err)
		}
		request.done <- spawnResult{process, err}
	}
}

func startIn(request spawnRequest) (*os.Process, error) {
	if err := request.in.enter(); err != nil {
		return nil, err
	}
	return os.StartProcess(request.argv[0], request.argv, request.attr)
}

func (s *spawner) start(argv []string, attr *os.ProcAttr, in *namespaces) (*os.Process, error) {
	attr.Sys.Pdeathsig = syscall.SIGKILL
	done := make(chan spawnResult, 1)
	s.requests <- spawnRequest{argv, attr, in, done}
	result := <-done
	return result.process, result.err
}
