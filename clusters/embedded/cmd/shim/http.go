package main

import (
	"encoding/json"
	"errors"
	"net/http"
)

type nothing struct{}

type signalRequest struct {
	Signal int `json:"signal"`
}

func handle[Body any](answer func(*http.Request, *Body) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := new(Body)
		if r.ContentLength != 0 {
			if err := json.NewDecoder(r.Body).Decode(body); err != nil {
				reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
				return
			}
		}
		response, err := answer(r, body)
		if err != nil {
			reply(w, statusOf(err), map[string]string{"error": err.Error()})
			return
		}
		reply(w, http.StatusOK, response)
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errNotFound):
		return http.StatusNotFound
	case errors.Is(err, errExists):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error": "answer cannot be encoded"}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// serveEvents streams JSON lines: first the whole state, then the state of each container that ends. Nothing falls between the two.
func (s *shim) serveEvents(w http.ResponseWriter, r *http.Request) {
	exits := s.exits.listen()
	defer s.exits.leave(exits)
	w.Header().Set("Content-Type", "application/jsonl")
	send := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	if send.Encode(s.snapshot()) != nil || flush.Flush() != nil {
		return
	}
	for {
		select {
		case state, ok := <-exits:
			if !ok || send.Encode(state) != nil || flush.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
