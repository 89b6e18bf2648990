package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

type execSyncRequest struct {
	Cmd     []string `json:"cmd"`
	Timeout int64    `json:"timeout"` // seconds; 0 for none
}

type execSyncResponse struct {
	Stdout   []byte `json:"stdout"`
	Stderr   []byte `json:"stderr"`
	ExitCode int    `json:"exit_code"`
	TimedOut bool   `json:"timed_out"`
}

// outputLimit is what containerd keeps of either stream of an ExecSync (maxExecSyncOutput), bytes; the rest is read and dropped.
const outputLimit = 16 << 20

func (c *container) execSync(ctx context.Context, request execSyncRequest) (*execSyncResponse, error) {
	var theirs, ours files
	defer ours.close()
	defer theirs.close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	theirs.add(null)
	var kept [2]limited
	var pumps sync.WaitGroup
	for range kept {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ours.add(r)
		theirs.add(w)
		if err := w.Chown(c.request.UID, -1); err != nil {
			return nil, err
		}
	}
	process, err := c.exec(request.Cmd, theirs.list)
	theirs.close()
	if err != nil {
		return nil, err
	}
	for i := range kept {
		pumps.Go(func() { kept[i].readFrom(ours.list[i]) })
	}
	if request.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(request.Timeout)*time.Second)
		defer cancel()
	}
	code, err := process.wait(ctx)
	drain(&pumps, &ours)
	if errors.Is(err, context.DeadlineExceeded) {
		return &execSyncResponse{TimedOut: true}, nil
	}
	if err != nil {
		return nil, err
	}
	return &execSyncResponse{Stdout: kept[0].bytes, Stderr: kept[1].bytes, ExitCode: code}, nil
}

// drain waits for the pumps to see the end of the streams, and ends them when something in the background holds the streams open.
func drain(pumps *sync.WaitGroup, ours *files) {
	late := time.AfterFunc(drainTime, ours.close)
	pumps.Wait()
	late.Stop()
}

type limited struct {
	bytes []byte
}

func (l *limited) readFrom(file *os.File) {
	chunk := make([]byte, 32*1024)
	for {
		n, err := file.Read(chunk)
		l.bytes = append(l.bytes, chunk[:min(n, outputLimit-len(l.bytes))]...)
		if err != nil {
			return
		}
	}
}
