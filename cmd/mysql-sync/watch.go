package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// screen is what a command prints to.
type screen struct {
	width, height int  // in characters; 0: no terminal
	colour        bool // it shows colours, and the user has not disabled them
}

// screenOf returns the screen that w is. See https://no-color.org for NO_COLOR.
func screenOf(w io.Writer) screen {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return screen{}
	}
	s := screen{colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil {
		s.width, s.height = width, height
	}
	return s
}

func (s screen) bold(text string) string { return s.paint("1", text) }
func (s screen) good(text string) string { return s.paint("32", text) }
func (s screen) bad(text string) string  { return s.paint("31", text) }

// paint colours a text; the number is that of ECMA-48, SGR.
func (s screen) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// Terminal control sequences (ECMA-48, and xterm's): an alternate screen without a cursor, and back; to the first line;
// clear to the end of a line, and below.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// repeat shows something repeatedly until ctx ends, which is no error: in place on a terminal, otherwise one below the
// other. It continues if the node is not running, since it may be started.
func repeat(ctx context.Context, w io.Writer, every time.Duration, plain bool, show func(context.Context, io.Writer, screen) error) error {
	inPlace := !plain && screenOf(w).width > 0
	if inPlace {
		fmt.Fprint(w, enterScreen)
		defer fmt.Fprint(w, leaveScreen)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s := screenOf(w)
		var b bytes.Buffer
		err := show(ctx, &b, s)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, serve.ErrNotRunning) {
			if !inPlace {
				return err
			}
			fmt.Fprintf(&b, "%s\n", command.Clean(err.Error())) // it may pass
		}
		text := b.String()
		if inPlace {
			text = frame(text, s)
		} else if !plain {
			text += "\n"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return nil // no one is watching any longer
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// frame returns the output that draws a text over the previous one: as many lines as fit, cut to the width.
func frame(text string, s screen) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if s.height > 0 && len(lines) > s.height {
		left := len(lines) - s.height + 1
		lines = append(lines[:s.height-1:s.height-1], fmt.Sprintf("… %d more lines", left))
	}
	var b strings.Builder
	b.WriteString(home)
	for i, l := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(cut(l, s.width))
		b.WriteString(clearLine)
	}
	b.WriteString(clearBelow)
	return b.String()
}

// cut returns the part of a line that fits a width. Colours take no room.
func cut(line string, width int) string {
	var b strings.Builder
	used := 0
	for i := 0; i < len(line); {
		if line[i] == 0x1b {
			if end := strings.IndexByte(line[i:], 'm'); end >= 0 {
				b.WriteString(line[i : i+end+1])
				i += end + 1
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		if used += runewidth.RuneWidth(r); used <= width {
			b.WriteString(line[i : i+size])
		}
		i += size
	}
	return b.String()
}
