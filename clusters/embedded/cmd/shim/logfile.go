package main

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// maxLine is where a line is cut into parts tagged P, as every CRI runtime does (see pkg/kubelet/kuberuntime/logs).
	maxLine   = 16 * 1024
	stampForm = "2006-01-02T15:04:05.000000000Z07:00"
)

// logFile writes the CRI log format: "<RFC3339Nano> stdout|stderr F|P <text>\n". The kubelet rotates it by renaming, then asks to reopen.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File // nil when the container keeps no log
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.reopen()
}

func (l *logFile) reopen() error {
	if l.path == "" {
		return nil
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
	}
	l.file = file
	return nil
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

func (l *logFile) write(lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_, _ = l.file.Write(lines) // a full disk must not stop the container: it would block on its own output
	}
}

// pump copies one stream of a container into its log, and raw to each of the sinks, until the stream ends.
func (l *logFile) pump(stream string, from io.Reader, copies func([]byte)) {
	chunk := make([]byte, maxLine)
	var rest, lines []byte
	for {
		n, err := from.Read(chunk)
		if n > 0 {
			copies(chunk[:n])
			lines, rest = format(lines[:0], append(rest, chunk[:n]...), stream, time.Now())
			l.write(lines)
		}
		if err != nil {
			if len(rest) > 0 {
				l.write(appendLine(nil, rest, stream, "P", time.Now())) // a part: the line had no end
			}
			return
		}
	}
}

// format appends the complete lines of text, and as parts what is too long, to lines. It returns them and the text left over.
func format(lines, text []byte, stream string, now time.Time) (formatted, rest []byte) {
	for {
		end := bytes.IndexByte(text, '\n')
		switch {
		case end >= 0 && end <= maxLine:
			lines = appendLine(lines, text[:end], stream, "F", now)
			text = text[end+1:]
		case len(text) > maxLine:
			lines = appendLine(lines, text[:maxLine], stream, "P", now)
			text = text[maxLine:]
		default:
			return lines, append([]byte(nil), text...)
		}
	}
}

func appendLine(lines, text []byte, stream, tag string, now time.Time) []byte {
	lines = now.UTC().AppendFormat(lines, stampForm)
	lines = append(append(lines, ' '), stream...)
	lines = append(append(lines, ' '), tag...)
	lines = append(append(lines, ' '), text...)
	return append(lines, '\n')
}
