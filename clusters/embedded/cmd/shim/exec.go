package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// execProcess is a further process in a running container. terminal is the master of its terminal, nil when it has none.
type execProcess struct {
	process  *os.Process
	terminal *os.File
}

// drainTime is how long output may still flow after a command has ended: what it left in the background holds its pipes open.
const drainTime = time.Second

// exec starts a command inside the container. It inherits the container's environment, working folder and identity, and all its namespaces.
// Without stdio it gets a terminal, one of the container's own.
//
// Entering a mount namespace is a matter of one thread, so this takes a thread of its own and throws it away. The command needs no
// parent-death signal: it lives in the container's pid namespace and ends with it.
func (c *container) exec(argv []string, stdio []*os.File) (*execProcess, error) {
	type result struct {
		process *execProcess
		err     error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		process, err := c.execHere(argv, stdio)
		done <- result{process, err}
	}()
	r := <-done
	return r.process, r.err
}

func (c *container) execHere(argv []string, stdio []*os.File) (*execProcess, error) {
	state := c.snapshot()
	if !state.Running {
		return nil, fmt.Errorf("container %s is not running", state.ID)
	}
	if err := enter(state.PID); err != nil {
		return nil, err
	}
	env := c.request.Env
	path, err := look(argv[0], env)
	if err != nil {
		return nil, err
	}
	as := c.request.Exec
	if len(as.Prefix) > 0 {
		argv = append(append(append([]string(nil), as.Prefix...), path), argv[1:]...)
		path = as.Prefix[0]
	}
	started := &execProcess{}
	sys := &syscall.SysProcAttr{Setsid: true}
	if as.UID != 0 || as.GID != 0 || len(as.Groups) > 0 {
		sys.Credential = &syscall.Credential{Uid: uint32(as.UID), Gid: uint32(as.GID), Groups: as.Groups}
	}
	if stdio == nil {
		master, slave, err := openPTY(c.request.UID)
		if err != nil {
			return nil, err
		}
		defer slave.Close()
		started.terminal, sys.Setctty = master, true
		stdio = []*os.File{slave, slave, slave}
		env = append(append([]string(nil), env...), "TERM=xterm")
	}
	started.process, err = os.StartProcess(path, argv, &os.ProcAttr{Dir: as.Dir, Env: env, Files: stdio, Sys: sys})
	if err != nil && started.terminal != nil {
		started.terminal.Close()
	}
	return started, err
}

// enter moves this thread into all namespaces of a process. The pid namespace holds for the children only.
func enter(pid int) error {
	var fds []int
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	kinds := []string{"net", "uts", "ipc", "pid", "mnt"}
	for _, kind := range kinds {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("the container has just ended: %w", err)
		}
		fds = append(fds, fd)
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	for i, fd := range fds {
		if err := unix.Setns(fd, 0); err != nil {
			return fmt.Errorf("entering the container's %s namespace: %w", kinds[i], err)
		}
	}
	return nil
}

// look finds a command as the container's PATH has it, with the words container runtimes use when it is not there.
func look(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if err := executable(name); err != nil {
			return "", fmt.Errorf("exec: %q: stat %s: %w", name, name, err)
		}
		return name, nil
	}
	for _, variable := range env {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			for _, dir := range filepath.SplitList(path) {
				if candidate := filepath.Join(dir, name); executable(candidate) == nil {
					return candidate, nil
				}
			}
		}
	}
	return "", fmt.Errorf("exec: %q: %w", name, exec.ErrNotFound)
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return syscall.EACCES
	}
	return nil
}

// wait returns the exit code; when the context ends first, it kills the command and all it has started.
func (p *execProcess) wait(ctx context.Context) (int, error) {
	done := make(chan *os.ProcessState, 1)
	go func() {
		state, _ := p.process.Wait()
		done <- state
	}()
	select {
	case state := <-done:
		return exitCode(state), nil
	case <-ctx.Done():
		p.kill()
		<-done
		return 0, ctx.Err()
	}
}

// kill ends the command's process group, and those of its descendants that left the group.
func (p *execProcess) kill() {
	family := descendants(p.process.Pid)
	_ = unix.Kill(-p.process.Pid, unix.SIGKILL)
	for _, pid := range family {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

func descendants(root int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if parent := parentOf(pid); parent > 0 {
			children[parent] = append(children[parent], pid)
		}
	}
	family := []int{root}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i]]...)
	}
	return family
}

func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// the command's name, in parentheses, may hold spaces and parentheses itself
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}
