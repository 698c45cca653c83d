// Command worker evaluates the suggestions of an experiment with a double parameter x and a metric
// m, until there are no more.
//
//	worker HOST:PORT EXPERIMENT_ID WORKER_ID
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/nextpoint/nextpoint/stubs/go/nextpoint"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: worker HOST:PORT EXPERIMENT_ID WORKER_ID")
	}
	client, err := nextpoint.NewClient(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	evaluated := 0
	worker := nextpoint.Worker{
		Client:       client,
		ExperimentID: os.Args[2],
		ID:           os.Args[3],
		Evaluate: func(_ context.Context, suggestion *nextpoint.Suggestion) (nextpoint.Values, error) {
			time.Sleep(20 * time.Millisecond)
			evaluated++
			x := suggestion.Assignments.Double("x")
			return nextpoint.Values{nextpoint.Value("m", (x-0.3)*(x-0.3))}, nil
		},
	}
	reason, err := worker.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"evaluated\": %d, \"reason\": %q}\n",
		evaluated, strings.TrimPrefix(reason.String(), "STREAM_CLOSED_REASON_"))
}
