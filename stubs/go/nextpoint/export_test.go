package nextpoint

import "google.golang.org/grpc/keepalive"

// PingSooner has clients find out sooner that a connection is dead, until it is undone.
func PingSooner(sooner keepalive.ClientParameters) (undo func()) {
	usual := keepAlive
	keepAlive = sooner
	return func() { keepAlive = usual }
}
