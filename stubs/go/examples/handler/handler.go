package main

import (
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/nextpoint/nextpoint/stubs/go/nextpoint"
)

// handler answers a request when its body is on disk.
type handler struct {
	file    *os.File
	batch   int
	queue   chan event
	writers sync.WaitGroup
}

type event struct {
	body   []byte
	stored chan error
}

func newHandler(file *os.File, sizes nextpoint.Assignments) *handler {
	h := &handler{
		file:  file,
		batch: int(sizes.Int("batch")),
		queue: make(chan event, sizes.Int("buffer")),
	}
	for range sizes.Int("workers") {
		h.writers.Go(h.write)
	}
	return h
}

func (h *handler) close() {
	close(h.queue)
	h.writers.Wait()
}

func (h *handler) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err == nil {
		event := event{body, make(chan error, 1)}
		h.queue <- event
		err = <-event.stored
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
	}
}

// write stores what is queued, as much of it at once as a batch takes: a sync costs the same for
// one event and for many.
func (h *handler) write() {
	for first := range h.queue {
		events := []event{first}
		body := first.body
		for len(events) < h.batch {
			next, ok := h.poll()
			if !ok {
				break
			}
			events = append(events, next)
			body = append(body, next.body...)
		}
		_, err := h.file.Write(body)
		if err == nil {
			err = h.file.Sync()
		}
		for _, each := range events {
			each.stored <- err
		}
	}
}

// poll returns what is queued now.
func (h *handler) poll() (event, bool) {
	select {
	case next, ok := <-h.queue:
		return next, ok
	default:
		return event{}, false
	}
}
