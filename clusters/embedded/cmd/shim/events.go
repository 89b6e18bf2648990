package main

import "sync"

// hub hands each exit to everyone who listens. A listener that does not keep up is cut off: it asks again and gets the whole state first.
type hub struct {
	mu        sync.Mutex
	listeners map[chan containerState]struct{}
}

const listenerBacklog = 4096

func newHub() *hub {
	return &hub{listeners: map[chan containerState]struct{}{}}
}

func (h *hub) listen() chan containerState {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan containerState, listenerBacklog)
	h.listeners[c] = struct{}{}
	return c
}

func (h *hub) leave(c chan containerState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(c)
}

func (h *hub) drop(c chan containerState) {
	if _, ok := h.listeners[c]; ok {
		delete(h.listeners, c)
		close(c)
	}
}

func (h *hub) publish(state containerState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.listeners {
		select {
		case c <- state:
		default:
			h.drop(c)
		}
	}
}
