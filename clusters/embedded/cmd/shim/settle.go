package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	settleTime  = 500 * time.Millisecond
	settlePause = 4 * time.Millisecond
	stateListen = "0A" // include/net/tcp_states.h
)

// settle returns when the container listens on one of the ports that the pod declares, when it has ended, or after settleTime.
//
// The kubelet probes a container the moment it is told that it runs, and when that first probe fails, waits a whole period for the
// next one. Told some milliseconds later, it sees a server that serves.
func (c *container) settle(ports []int) {
	deadline := time.After(settleTime)
	for len(ports) > 0 && !listens(c.state.PID, ports) {
		select {
		case <-c.done:
			return
		case <-deadline:
			return
		case <-time.After(settlePause):
		}
	}
}

// listens tells whether any socket in the network of the process accepts connections on one of the ports.
func listens(pid int, ports []int) bool {
	for _, table := range []string{"tcp", "tcp6"} {
		file, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue
		}
		found := false
		for lines := bufio.NewScanner(file); !found && lines.Scan(); {
			fields := strings.Fields(lines.Text()) // sl local_address rem_address st ...
			if len(fields) < 4 || fields[3] != stateListen {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			port, err := strconv.ParseInt(hex, 16, 32)
			found = err == nil && slices.Contains(ports, int(port))
		}
		_ = file.Close()
		if found {
			return true
		}
	}
	return false
}
