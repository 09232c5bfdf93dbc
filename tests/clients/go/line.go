package main

import (
	"context"
	"errors"
	"net"
	"sync"
)

// line is the network connection of a client to the server, which a scenario can cut.
type line struct {
	mutex  sync.Mutex
	isCut  bool
	opened int
	open   []*net.TCPConn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.opened++
	if l.isCut {
		return nil, errors.New("the line is cut")
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		l.open = append(l.open, tcp)
	}
	return connection, nil
}

// cut acts as if the network were lost: open connections are reset, and new connections fail until mend is called.
func (l *line) cut() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.isCut = true
	for _, connection := range l.open {
		// The connection ends with a reset and without a close frame.
		_ = connection.SetLinger(0)
		_ = connection.Close()
	}
	l.open = nil
}

func (l *line) mend() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.isCut = false
}

// attempts returns how often the client has connected, or has tried to.
func (l *line) attempts() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.opened
}
