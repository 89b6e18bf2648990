package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// files are open files that are closed together, once.
type files struct {
	list []*os.File
}

func (f *files) add(file ...*os.File) {
	f.list = append(f.list, file...)
}

func (f *files) close() {
	for _, file := range f.list {
		file.Close()
	}
}

// openPTY returns both ends of a new terminal.
func openPTY(uid int) (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			master.Close()
		}
	}()
	raw, err := master.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var number int
	control := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil || control != nil {
		return nil, nil, fmt.Errorf("unlocking a terminal: %w", err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if uid != 0 {
		if err = slave.Chown(uid, -1); err != nil {
			slave.Close()
			return nil, nil, err
		}
	}
	return master, slave, nil
}

func resizePTY(master *os.File, width, height uint16) error {
	raw, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: height, Col: width})
	}); err != nil {
		return err
	}
	return set
}
