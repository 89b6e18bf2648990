package main

import (
	"net/http"
	"syscall"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// routes is the whole interface to the runtime. Bodies are JSON; an error is {"error": text} with status 404, 409 or 500.
func (s *shim) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/events", s.serveEvents)
	mux.HandleFunc("PUT /v1/sandboxes/{id}", handle(func(r *http.Request, body *sandboxRequest) (any, error) {
		return s.addSandbox(r.PathValue("id"), *body)
	}))
	mux.HandleFunc("DELETE /v1/sandboxes/{id}", handle(func(r *http.Request, _ *nothing) (any, error) {
		s.removeSandbox(r.PathValue("id"))
		return nothing{}, nil
	}))
	mux.HandleFunc("PUT /v1/containers/{id}", handle(func(r *http.Request, body *startRequest) (any, error) {
		return s.start(r.PathValue("id"), *body)
	}))
	mux.HandleFunc("DELETE /v1/containers/{id}", handle(func(r *http.Request, _ *nothing) (any, error) {
		return nothing{}, s.remove(r.PathValue("id"))
	}))
	mux.HandleFunc("POST /v1/containers/{id}/signal", handle(func(r *http.Request, body *signalRequest) (any, error) {
		c, err := s.container(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return nothing{}, c.signal(syscall.Signal(body.Signal))
	}))
	mux.HandleFunc("POST /v1/containers/{id}/reopen", handle(func(r *http.Request, _ *nothing) (any, error) {
		c, err := s.container(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return nothing{}, c.log.reopen()
	}))
	mux.HandleFunc("POST /v1/containers/{id}/exec", handle(func(r *http.Request, body *execSyncRequest) (any, error) {
		c, err := s.container(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return c.execSync(r.Context(), *body)
	}))
	mux.HandleFunc("POST /v1/streams/exec", handle(func(_ *http.Request, body *runtimeapi.ExecRequest) (any, error) {
		return s.streams.GetExec(body)
	}))
	mux.HandleFunc("POST /v1/streams/attach", handle(func(_ *http.Request, body *runtimeapi.AttachRequest) (any, error) {
		return s.streams.GetAttach(body)
	}))
	mux.HandleFunc("POST /v1/streams/portforward", handle(func(_ *http.Request, body *runtimeapi.PortForwardRequest) (any, error) {
		return s.streams.GetPortForward(body)
	}))
	return mux
}
