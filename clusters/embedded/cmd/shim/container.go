package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startRequest is all the shim needs to know of a container. Argv is the whole command line of bwrap, whose child the container is.
type startRequest struct {
	Argv      []string `json:"argv"`
	Files     []string `json:"files"` // open for bwrap from descriptor 5 on
	Env       []string `json:"env"`   // of the container; bwrap passes it on as it is
	Sandbox   string   `json:"sandbox"`
	Log       string   `json:"log"` // path of the log file; empty keeps none
	Stdin     bool     `json:"stdin"`
	StdinOnce bool     `json:"stdin_once"` // close stdin when the first attached client leaves
	TTY       bool     `json:"tty"`
	UID       int      `json:"uid"`   // owner of the pipes, so that /dev/stdout can be opened
	Ports     []int    `json:"ports"` // TCP ports that the pod says it listens on
	Exec      execAs   `json:"exec"`
}

// execAs is how a further process of the container is started: its working folder, identity, and a command line put before its own.
type execAs struct {
	Dir    string   `json:"dir"`
	Prefix []string `json:"prefix"`
	UID    int      `json:"uid"`
	GID    int      `json:"gid"`
	Groups []uint32 `json:"groups"`
}

type containerState struct {
	ID       string `json:"id"`
	PID      int    `json:"pid"` // of the container's first process, seen from the shim
	Started  int64  `json:"started_at"`
	Running  bool   `json:"running"`
	ExitCode int    `json:"exit_code"`   // 128 + signal when a signal ended it
	Finished int64  `json:"finished_at"` // nanoseconds since the epoch, as started_at
}

type container struct {
	request startRequest
	sandbox *sandbox
	monitor *os.Process // bwrap; ends with the container and returns its exit code
	log     *logFile
	stdin   *os.File // nil when the container has none; the terminal's master when it has one
	tty     *os.File
	done    chan struct{} // closed when the container has ended and its log is complete

	mu      sync.Mutex
	state   containerState
	sinks   map[*sink]struct{}
	trouble []byte // the first bytes of stderr, which hold bwrap's message when it could not start the container
}

const troubleSize = 512

func startContainer(id string, request startRequest, box *sandbox, spawner *spawner) (*container, error) {
	log, err := openLog(request.Log)
	if err != nil {
		return nil, err
	}
	c := &container{request: request, sandbox: box, log: log, done: make(chan struct{}), sinks: map[*sink]struct{}{}}
	c.state = containerState{ID: id}
	var theirs, ours files
	outputs, err := c.wire(&theirs, &ours)
	if err == nil {
		err = c.spawn(&theirs, spawner)
	}
	theirs.close()
	if err != nil {
		ours.close()
		log.close()
		return nil, err
	}
	var pumps sync.WaitGroup
	for stream, from := range outputs {
		pumps.Go(func() { c.log.pump(stream, from, func(b []byte) { c.copy(stream, b) }) })
	}
	ended := make(chan struct{})
	go func() {
		c.wait(&pumps)
		ours.close()
		close(ended)
	}()
	if c.state.PID == 0 {
		<-ended
		return nil, fmt.Errorf("%s", strings.TrimSpace(string(c.trouble)))
	}
	c.settle(request.Ports)
	return c, nil
}

// wire makes the container's three streams: theirs are handed over at its start, ours are read and written here.
func (c *container) wire(theirs, ours *files) (map[string]*os.File, error) {
	if c.request.TTY {
		master, slave, err := openPTY(c.request.UID)
		if err != nil {
			return nil, err
		}
		c.tty, c.stdin = master, master
		ours.add(master)
		theirs.add(slave, slave, slave)
		return map[string]*os.File{"stdout": master}, nil
	}
	if err := c.wireStdin(theirs, ours); err != nil {
		return nil, err
	}
	outputs := map[string]*os.File{}
	for _, stream := range []string{"stdout", "stderr"} {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ours.add(r)
		theirs.add(w)
		if err := w.Chown(c.request.UID, -1); err != nil {
			return nil, err
		}
		outputs[stream] = r
	}
	return outputs, nil
}

func (c *container) wireStdin(theirs, ours *files) error {
	if !c.request.Stdin {
		null, err := os.Open(os.DevNull)
		theirs.add(null)
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	theirs.add(r)
	ours.add(w)
	c.stdin = w
	return nil
}

// spawn starts bwrap. It returns when bwrap has built the container's root and is about to start the command in it, so that an exec that
// follows at once finds everything in place; or when bwrap has failed, with no process id.
func (c *container) spawn(theirs *files, spawner *spawner) error {
	info, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer info.Close()
	theirs.add(tell)
	block, built, err := os.Pipe()
	if err != nil {
		return err
	}
	defer built.Close()
	theirs.add(block)
	for _, path := range c.request.Files {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		theirs.add(file)
	}
	if _, err := built.Write([]byte{0}); err != nil {
		return err
	}
	argv := append([]string{c.request.Argv[0], "--info-fd", "3", "--block-fd", "4"}, c.request.Argv[1:]...)
	attr := &os.ProcAttr{Dir: "/", Env: c.request.Env, Files: theirs.list, Sys: &syscall.SysProcAttr{Setsid: true}}
	c.monitor, err = spawner.start(argv, attr, &c.sandbox.namespaces)
	if err != nil {
		return err
	}
	theirs.close()
	var told struct {
		PID int `json:"child-pid"`
	}
	if err := json.NewDecoder(info).Decode(&told); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	awaitClosed(built)
	c.state.PID, c.state.Started, c.state.Running = told.PID, time.Now().UnixNano(), true
	return nil
}

// awaitClosed returns when nobody holds the reading end of a pipe any more. bwrap closes it when it has built the root, or ends.
func awaitClosed(pipe *os.File) {
	fds := []unix.PollFd{{Fd: int32(pipe.Fd())}}
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return
		}
	}
}

// wait ends when the container has, its output is in the log, and its state says so.
func (c *container) wait(pumps *sync.WaitGroup) {
	result, err := c.monitor.Wait()
	finished := time.Now().UnixNano()
	pumps.Wait()
	c.log.close()
	c.mu.Lock()
	c.state.Running, c.state.Finished, c.state.ExitCode = false, finished, 255
	if err == nil {
		c.state.ExitCode = exitCode(result)
	}
	c.mu.Unlock()
	close(c.done)
}

func (c *container) copy(stream string, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stream == "stderr" && len(c.trouble) < troubleSize {
		c.trouble = append(c.trouble, text[:min(len(text), troubleSize-len(c.trouble))]...)
	}
	for s := range c.sinks {
		if !s.offer(stream, text) {
			c.drop(s)
		}
	}
}

func (c *container) snapshot() containerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// signal reaches the container's first process; it does nothing once the container has ended.
func (c *container) signal(number syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.state.Running {
		return nil
	}
	if err := unix.Kill(c.state.PID, number); err != nil && err != unix.ESRCH {
		return err
	}
	return nil
}

func exitCode(state *os.ProcessState) int {
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
