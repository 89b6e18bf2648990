package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// sink is one attached client. It has a queue, since a container must never wait for a client; one that falls too far behind is cut off.
type sink struct {
	stdout, stderr io.Writer // nil when not wanted
	queue          chan chunk
	finished       chan struct{} // closed when nothing more is written
}

type chunk struct {
	to   io.Writer
	text []byte
}

// backlog is how many chunks of at most 16 KiB a client may be behind.
const backlog = 256

var errCutOff = errors.New("the client has gone, or does not keep up with the output")

func newSink(stdout, stderr io.Writer) *sink {
	s := &sink{stdout: stdout, stderr: stderr, queue: make(chan chunk, backlog), finished: make(chan struct{})}
	go func() {
		defer close(s.finished)
		for c := range s.queue {
			if _, err := c.to.Write(c.text); err != nil {
				return
			}
		}
	}()
	return s
}

// offer queues text for the client; false if it is too far behind.
func (s *sink) offer(stream string, text []byte) bool {
	to := s.stdout
	if stream == "stderr" {
		to = s.stderr
	}
	if to == nil {
		return true
	}
	select {
	case s.queue <- chunk{to, append([]byte(nil), text...)}:
		return true
	default:
		return false
	}
}

func (c *container) attach(s *sink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sinks[s] = struct{}{}
}

// detach is done at the latest when the client has what was queued for it, or takes too long to.
func (c *container) detach(s *sink) {
	c.mu.Lock()
	c.drop(s)
	c.mu.Unlock()
	select {
	case <-s.finished:
	case <-time.After(drainTime):
	}
}

// drop needs the lock.
func (c *container) drop(s *sink) {
	if _, ok := c.sinks[s]; ok {
		delete(c.sinks, s)
		close(s.queue)
	}
}

// Attach serves kubectl attach and run -i: output from now on, and input, until the container ends or the client's input does.
func (s *shim) Attach(ctx context.Context, id string, in io.Reader, out, errOut io.WriteCloser, tty bool,
	resize <-chan remotecommand.TerminalSize) error {
	c, err := s.container(id)
	if err != nil {
		return err
	}
	if !c.snapshot().Running {
		return fmt.Errorf("container %s is not running", id)
	}
	client := newSink(out, errOut)
	c.attach(client)
	defer c.detach(client)
	if c.tty != nil {
		go follow(c.tty, resize)
	}
	left := make(chan struct{})
	if in != nil && c.stdin != nil {
		go func() {
			_, _ = io.Copy(c.stdin, in)
			if c.request.StdinOnce && c.tty == nil {
				c.stdin.Close()
			}
			if out == nil && errOut == nil {
				close(left)
			}
		}()
	}
	select {
	case <-c.done:
	case <-left:
	case <-ctx.Done():
	case <-client.finished:
		return errCutOff
	}
	return nil
}
