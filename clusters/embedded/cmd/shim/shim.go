package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"k8s.io/cri-streaming/pkg/streaming"
)

var (
	errNotFound = errors.New("not found")
	errExists   = errors.New("exists already")
)

// shim is all state there is. The instance tells one life of the shim from the next: containers of an earlier one are gone.
type shim struct {
	instance string
	spawner  *spawner
	streams  streaming.Server
	exits    *hub

	mu         sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container // nil while one is being started
}

func newShim(spawner *spawner) *shim {
	id := make([]byte, 8)
	_, _ = rand.Read(id)
	return &shim{
		instance:   hex.EncodeToString(id),
		spawner:    spawner,
		exits:      newHub(),
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
	}
}

func (s *shim) addSandbox(id string, request sandboxRequest) (*sandbox, error) {
	s.mu.Lock()
	_, ok := s.sandboxes[id]
	s.mu.Unlock()
	if ok {
		return nil, fmt.Errorf("sandbox %s: %w", id, errExists)
	}
	box, err := newSandbox(id, request)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sandboxes[id] = box
	return box, nil
}

func (s *shim) removeSandbox(id string) {
	s.mu.Lock()
	box, ok := s.sandboxes[id]
	delete(s.sandboxes, id)
	s.mu.Unlock()
	if ok {
		box.namespaces.close()
	}
}

func (s *shim) container(id string) (*container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.containers[id]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("container %s: %w", id, errNotFound)
}

func (s *shim) start(id string, request startRequest) (containerState, error) {
	if len(request.Argv) == 0 {
		return containerState{}, errors.New("argv is empty")
	}
	s.mu.Lock()
	box := s.sandboxes[request.Sandbox]
	_, taken := s.containers[id]
	if !taken {
		s.containers[id] = nil
	}
	s.mu.Unlock()
	if taken {
		return containerState{}, fmt.Errorf("container %s: %w", id, errExists)
	}
	var c *container
	err := fmt.Errorf("sandbox %s: %w", request.Sandbox, errNotFound)
	if box != nil {
		c, err = startContainer(id, request, box, s.spawner)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.containers, id)
		return containerState{}, err
	}
	s.containers[id] = c
	go func() {
		<-c.done
		s.exits.publish(c.snapshot())
	}()
	return c.snapshot(), nil
}

// remove forgets a container; one that still runs is killed first.
func (s *shim) remove(id string) error {
	c, err := s.container(id)
	if err != nil {
		return err
	}
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-c.done
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.containers, id)
	return nil
}

type shimState struct {
	Instance   string           `json:"instance"`
	PID        int              `json:"pid"`
	Sandboxes  []*sandbox       `json:"sandboxes"`
	Containers []containerState `json:"containers"`
}

func (s *shim) snapshot() shimState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := shimState{Instance: s.instance, PID: os.Getpid(), Sandboxes: []*sandbox{}, Containers: []containerState{}}
	for _, box := range s.sandboxes {
		state.Sandboxes = append(state.Sandboxes, box)
	}
	for _, c := range s.containers {
		if c != nil {
			state.Containers = append(state.Containers, c.snapshot())
		}
	}
	return state
}
