package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

type request struct {
	Target string `json:"target"`
}

func serveControl(path string) error {
	if path == "" {
		return errors.New("-control is required")
	}
	_ = os.Remove(path)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	for {
		conn, err := listener.AcceptUnix()
		if err != nil {
			return err
		}
		answer := "ok"
		if err := accept(conn); err != nil {
			answer = err.Error()
		}
		_, _ = fmt.Fprintln(conn, answer)
		_ = conn.Close()
	}
}

func accept(conn *net.UnixConn) error {
	data, rights := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4))
	n, m, _, _, err := conn.ReadMsgUnix(data, rights)
	if err != nil {
		return err
	}
	var r request
	if err := json.Unmarshal(data[:n], &r); err != nil {
		return err
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:m])
	if err != nil || len(messages) != 1 {
		return errors.New("want one file descriptor")
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	return serveDescriptor(fmt.Sprintf("%d=%s", fds[0], r.Target))
}
