package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

var _ streaming.Runtime = &shim{}

// endOfInput is what a terminal's driver takes for the end of its input (Ctrl-D).
const endOfInput = "\x04"

// Exec serves kubectl exec. Its error carries the exit code, in the form the streaming library passes on.
func (s *shim) Exec(ctx context.Context, id string, cmd []string, in io.Reader, out, errOut io.WriteCloser, tty bool,
	resize <-chan remotecommand.TerminalSize) error {
	c, err := s.container(id)
	if err != nil {
		return err
	}
	var theirs, ours files
	defer ours.close()
	defer theirs.close()
	var pumps sync.WaitGroup
	if !tty {
		if err := pipes(&theirs, &ours, in != nil, c.request.UID); err != nil {
			return err
		}
	}
	process, err := c.exec(cmd, theirs.list)
	theirs.close()
	if err != nil {
		return err
	}
	if tty {
		ours.add(process.terminal)
		go follow(process.terminal, resize)
		if in != nil {
			go typeInto(process.terminal, in)
		}
		pumps.Go(func() { pass(out, process.terminal, process) })
	} else {
		if in != nil {
			go func() {
				_, _ = io.Copy(ours.list[2], in)
				ours.list[2].Close()
			}()
		}
		for i, to := range []io.Writer{out, errOut} {
			pumps.Go(func() { pass(to, ours.list[i], process) })
		}
	}
	code, err := process.wait(ctx)
	drain(&pumps, &ours)
	if err != nil {
		return err
	}
	if code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("exit status %d", code), Code: code}
	}
	return nil
}

// pipes adds stdin, stdout and stderr to theirs; stdout, stderr and, if there is one, stdin to ours.
func pipes(theirs, ours *files, stdin bool, uid int) error {
	source, feed, err := os.Pipe()
	if err != nil {
		return err
	}
	theirs.add(source)
	for range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		ours.add(r)
		theirs.add(w)
		if err := w.Chown(uid, -1); err != nil {
			return err
		}
	}
	if !stdin {
		return feed.Close()
	}
	ours.add(feed)
	return nil
}

// pass copies output to the client. When the client has gone, the command is ended, as a terminal's hang-up would.
func pass(to io.Writer, from io.Reader, process *execProcess) {
	if to == nil {
		to = io.Discard
	}
	chunk := make([]byte, 32*1024)
	for {
		n, err := from.Read(chunk)
		if n > 0 {
			if _, err := to.Write(chunk[:n]); err != nil {
				_ = unix.Kill(-process.process.Pid, unix.SIGHUP)
				to = io.Discard
			}
		}
		if err != nil {
			return
		}
	}
}

func typeInto(terminal *os.File, in io.Reader) {
	_, _ = io.Copy(terminal, in)
	_, _ = terminal.WriteString(endOfInput)
}

func follow(terminal *os.File, resize <-chan remotecommand.TerminalSize) {
	if resize == nil {
		return
	}
	for size := range resize {
		if resizePTY(terminal, size.Width, size.Height) != nil {
			return
		}
	}
}

// PortForward connects a client's stream to a port on the pod's own loopback.
func (s *shim) PortForward(ctx context.Context, id string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	s.mu.Lock()
	box, ok := s.sandboxes[id]
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("no pod sandbox %s", id)
	}
	conn, err := box.dial(port)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stream)
		_ = conn.CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	return err
}

// dial connects from inside the pod's network, IPv4 first.
func (s *sandbox) dial(port int32) (*net.TCPConn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its changed network
		if err := s.namespaces.enter(); err != nil {
			done <- result{nil, err}
			return
		}
		conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			if six, err6 := net.Dial("tcp6", fmt.Sprintf("[::1]:%d", port)); err6 == nil {
				conn, err = six, nil
			}
		}
		done <- result{conn, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, r.err
	}
	return r.conn.(*net.TCPConn), nil
}
