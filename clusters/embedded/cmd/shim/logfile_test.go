package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	const stamp = "2026-01-02T03:04:05.000000006Z stdout "
	long := strings.Repeat("x", maxLine)
	for name, each := range map[string]struct{ text, formatted, rest string }{
		"lines and a rest":  {"one\n\ntwo", stamp + "F one\n" + stamp + "F \n", "two"},
		"exactly the limit": {long + "\n", stamp + "F " + long + "\n", ""},
		"beyond the limit":  {long + "yz\n", stamp + "P " + long + "\n" + stamp + "F yz\n", ""},
	} {
		lines, rest := format(nil, []byte(each.text), "stdout", now)
		if string(lines) != each.formatted || string(rest) != each.rest {
			t.Errorf("%s: %d bytes formatted, rest %q", name, len(lines), rest)
		}
	}
}

func TestPumpKeepsWhatHasNoNewline(t *testing.T) {
	l, err := openLog(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	l.pump("stderr", io.MultiReader(strings.NewReader("be"), strings.NewReader("gun\nun"), strings.NewReader("finished")), func(b []byte) { copied.Write(b) })
	l.close()
	written, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(written), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], " stderr F begun") || !strings.HasSuffix(lines[1], " stderr P unfinished") {
		t.Errorf("%q", written)
	}
	if copied.String() != "begun\nunfinished" {
		t.Errorf("%q", copied.String())
	}
}
