// Command handler tunes an HTTP handler that stores what it is sent: how many goroutines write, how
// long their queue is, and how many requests they store at once.
//
//	handler HOST:PORT
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/nextpoint/nextpoint/stubs/go/nextpoint"
	nextpointv1 "github.com/nextpoint/nextpoint/stubs/go/nextpoint/v1"
)

const (
	budget = 25
	metric = "requests per second"
	// What the load is: so many clients, each of which sends its next request after the last.
	clients = 64
	rounds  = 6
	round   = 100 * time.Millisecond
)

// What one would write without measuring.
var usual = nextpoint.Assignments{
	"workers": nextpoint.Int(8), "buffer": nextpoint.Int(64), "batch": nextpoint.Int(4),
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: handler HOST:PORT")
	}
	if err := tune(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func tune(ctx context.Context, address string) error {
	client, err := nextpoint.NewClient(address)
	if err != nil {
		return err
	}
	defer client.Close()
	created, err := client.Experiments.CreateExperiment(ctx, &nextpointv1.CreateExperimentRequest{
		Name: "HTTP handler",
		Parameters: []*nextpointv1.Parameter{
			size("workers", 1, 64), size("buffer", 1, 1024), size("batch", 1, 256),
		},
		Metrics: []*nextpointv1.Metric{{Name: metric}},
		Budget:  proto.Int32(budget),
	})
	if err != nil {
		return err
	}
	id := created.GetExperiment().GetExperimentId()

	worker := nextpoint.Worker{
		Client:       client,
		ExperimentID: id,
		Evaluate: func(_ context.Context, suggestion *nextpoint.Suggestion) (nextpoint.Values, error) {
			mean, stderr, err := measure(suggestion.Assignments)
			fmt.Println(line(suggestion.Assignments, mean, stderr))
			return nextpoint.Values{nextpoint.Noisy(metric, mean, stderr)}, err
		},
	}
	if _, err := worker.Run(ctx); err != nil {
		return err
	}
	found, err := client.Analysis.ListBestAssignments(ctx, &nextpointv1.ListBestAssignmentsRequest{
		ExperimentId: id,
	})
	if err != nil {
		return err
	}
	if len(found.GetBestAssignments()) == 0 {
		return errors.New("nothing could be measured")
	}
	best := found.GetBestAssignments()[0].GetObservation().GetAssignments()
	// The best of many measurements was lucky, too, so both are measured once more.
	return errors.Join(show("best", best), show("usual", usual))
}

func show(name string, sizes nextpoint.Assignments) error {
	mean, stderr, err := measure(sizes)
	fmt.Printf("%-5s  %s, measured once more\n", name, line(sizes, mean, stderr))
	return err
}

func line(sizes nextpoint.Assignments, mean, stderr float64) string {
	return fmt.Sprintf(
		"%2d workers, buffer %4d, batch %3d: %6.0f ± %4.0f %s",
		sizes.Int("workers"), sizes.Int("buffer"), sizes.Int("batch"), mean, stderr, metric,
	)
}

// size returns a parameter of which twice as much is as far everywhere.
func size(name string, smallest, largest float64) *nextpointv1.Parameter {
	return &nextpointv1.Parameter{
		Name:           name,
		Type:           nextpointv1.ParameterType_PARAMETER_TYPE_INT,
		Bounds:         &nextpointv1.Bounds{Min: &smallest, Max: &largest},
		Transformation: nextpointv1.ParameterTransformation_PARAMETER_TRANSFORMATION_LOG,
	}
}

// measure returns the mean of what a handler of these sizes serves in a second, and its standard
// error.
func measure(sizes nextpoint.Assignments) (mean, stderr float64, err error) {
	file, err := os.CreateTemp("", "handler")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	handler := newHandler(file, sizes)
	defer handler.close()

	load(handler) // warms up
	var sum, squares float64
	for range rounds {
		rate := load(handler)
		sum += rate
		squares += rate * rate
	}
	mean = sum / rounds
	variance := max(0, squares-sum*mean) / (rounds - 1)
	return mean, math.Sqrt(variance / rounds), nil
}

// load returns how many requests are served in a second.
func load(handler http.Handler) float64 {
	var served atomic.Int64
	var running sync.WaitGroup
	start := time.Now()
	for range clients {
		running.Go(func() {
			for time.Since(start) < round {
				request := httptest.NewRequest("POST", "/", strings.NewReader("an event of some length\n"))
				handler.ServeHTTP(httptest.NewRecorder(), request)
				served.Add(1)
			}
		})
	}
	running.Wait()
	return float64(served.Load()) / time.Since(start).Seconds()
}
