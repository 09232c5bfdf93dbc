package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

const (
	patience = 10 * time.Second
	// quiet is much longer than the pauses of these clients before they reconnect.
	quiet = 1500 * time.Millisecond
)

// heard holds the events of one kind, in order.
type heard[T any] struct {
	what string
	come chan T
}

func hear[T any](what string) heard[T] {
	// No scenario leaves so many events unread.
	return heard[T]{what, make(chan T, 1024)}
}

func (h heard[T]) keep(event T) { h.come <- event }

// next takes the next event, and waits for it if necessary.
func (h heard[T]) next() T { return h.within(patience) }

func (h heard[T]) within(limit time.Duration) (event T) {
	select {
	case event = <-h.come:
	case <-time.After(limit):
		fail("no %s within %v", h.what, limit)
	}
	return event
}

// peer is a client with its network connection (line) and its events.
type peer struct {
	*centrifuge.Client
	line         *line
	connecting   heard[centrifuge.ConnectingEvent]
	connected    heard[centrifuge.ConnectedEvent]
	disconnected heard[centrifuge.DisconnectedEvent]
	subscribed   heard[centrifuge.ServerSubscribedEvent]
	unsubscribed heard[centrifuge.ServerUnsubscribedEvent]
	publications heard[centrifuge.ServerPublicationEvent]
}

func newPeer(encoding, route string, config centrifuge.Config) *peer {
	p := &peer{
		line:         &line{},
		connecting:   hear[centrifuge.ConnectingEvent]("attempt to connect"),
		connected:    hear[centrifuge.ConnectedEvent]("connection"),
		disconnected: hear[centrifuge.DisconnectedEvent]("end"),
		subscribed:   hear[centrifuge.ServerSubscribedEvent]("subscription by the server"),
		unsubscribed: hear[centrifuge.ServerUnsubscribedEvent]("end of a subscription by the server"),
		publications: hear[centrifuge.ServerPublicationEvent]("publication"),
	}
	config.NetDialContext = p.line.dial
	config.MinReconnectDelay, config.MaxReconnectDelay = 50*time.Millisecond, 200*time.Millisecond
	// On a busy machine, one second is too short for a handshake.
	config.HandshakeTimeout, config.ReadTimeout = patience, patience
	if encoding == "json" {
		p.Client = centrifuge.NewJsonClient(socketURL(route), config)
	} else {
		p.Client = centrifuge.NewProtobufClient(socketURL(route), config)
	}
	p.OnConnecting(p.connecting.keep)
	p.OnConnected(p.connected.keep)
	p.OnDisconnected(p.disconnected.keep)
	p.OnSubscribed(p.subscribed.keep)
	p.OnUnsubscribed(p.unsubscribed.keep)
	p.OnPublication(p.publications.keep)
	return p
}

func (p *peer) connect() *peer {
	if err := p.Connect(); err != nil {
		fail("connect: %v", err)
	}
	p.connected.next()
	return p
}

// cut cuts the line and waits until the client has noticed the loss.
func (p *peer) cut() {
	for len(p.connecting.come) > 0 {
		p.connecting.next()
	}
	p.line.cut()
	p.connecting.next()
}

// ended waits for the end of the connection and returns its code and reason. After the end, the client must not try to connect.
func (p *peer) ended() (uint32, string) {
	end := p.disconnected.next()
	before := p.line.attempts()
	time.Sleep(quiet)
	same(list(p.State(), p.line.attempts()), list(centrifuge.StateDisconnected, before))
	return end.Code, end.Reason
}

// ear is a subscription with its events.
type ear struct {
	*centrifuge.Subscription
	subscribed   heard[centrifuge.SubscribedEvent]
	unsubscribed heard[centrifuge.UnsubscribedEvent]
	publications heard[centrifuge.PublicationEvent]
	joins        heard[centrifuge.JoinEvent]
	leaves       heard[centrifuge.LeaveEvent]
}

// subscribing requests a subscription and does not wait for the answer.
func (p *peer) subscribing(channel string, config centrifuge.SubscriptionConfig) *ear {
	config.MinResubscribeDelay = 50 * time.Millisecond
	subscription, err := p.NewSubscription(channel, config)
	if err != nil {
		fail("%s: %v", channel, err)
	}
	e := &ear{
		Subscription: subscription,
		subscribed:   hear[centrifuge.SubscribedEvent]("subscription"),
		unsubscribed: hear[centrifuge.UnsubscribedEvent]("end of the subscription"),
		publications: hear[centrifuge.PublicationEvent]("publication"),
		joins:        hear[centrifuge.JoinEvent]("join"),
		leaves:       hear[centrifuge.LeaveEvent]("leave"),
	}
	e.OnSubscribed(e.subscribed.keep)
	e.OnUnsubscribed(e.unsubscribed.keep)
	e.OnPublication(e.publications.keep)
	e.OnJoin(e.joins.keep)
	e.OnLeave(e.leaves.keep)
	if err := e.Subscribe(); err != nil {
		fail("%s: %v", channel, err)
	}
	return e
}

func (p *peer) subscribedWith(channel string, config centrifuge.SubscriptionConfig) *ear {
	e := p.subscribing(channel, config)
	e.subscribed.next()
	return e
}

func (p *peer) subscribedTo(channel string) *ear {
	return p.subscribedWith(channel, centrifuge.SubscriptionConfig{})
}

// answered returns the answer to a command; an error ends the scenario.
func answered[T any](what string, ask func(context.Context) (T, error)) T {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	answer, err := ask(ctx)
	if err != nil {
		fail("%s: %v", what, err)
	}
	return answer
}

// payload encodes data as JSON. In Protobuf the JSON is sent as bytes.
func payload(data object) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		fail("%v: %v", data, err)
	}
	return text
}

func (e *ear) publish(data object) {
	answered("publish", func(ctx context.Context) (centrifuge.PublishResult, error) { return e.Publish(ctx, payload(data)) })
}

// publishNumbers publishes {"n": first} to {"n": last}.
func (e *ear) publishNumbers(first, last int) {
	for n := first; n <= last; n++ {
		e.publish(object{"n": n})
	}
}

// numbers returns the numbers of the next publications.
func (e *ear) numbers(count int) (numbers []int) {
	for range count {
		numbers = append(numbers, number(e.publications.next().Data))
	}
	return numbers
}

func said(data []byte) (said object) {
	if err := json.Unmarshal(data, &said); err != nil {
		fail("%q: %v", data, err)
	}
	return said
}

func number(data []byte) int {
	n, _ := said(data)["n"].(float64)
	return int(n)
}

// talk holds the clients of one scenario. The clients are kept until the scenario ends.
type talk struct {
	encoding string
	peers    []*peer
}

// peer returns a client that has not connected.
func (t *talk) peer(config centrifuge.Config) *peer {
	p := newPeer(t.encoding, "/connection/websocket", config)
	t.peers = append(t.peers, p)
	return p
}

func (t *talk) connected(user string) *peer {
	return t.peer(centrifuge.Config{Token: token(object{"sub": user})}).connect()
}

func (t *talk) end() {
	for _, p := range t.peers {
		p.Close()
	}
}
