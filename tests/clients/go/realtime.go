package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

// History, recovery, presence, subscriptions by the server, expiry, and the effects of the server API on a client.

// expiry is long enough for tokens of two seconds to expire.
const expiry = 3500 * time.Millisecond

var scenarios = []struct {
	name string
	play func(*talk)
}{
	{"subscribes and publishes", publishes},
	{"reads history page by page in both directions", readsHistory},
	{"recovers in memory what it missed while its connection was lost", func(t *talk) { recovers(t, "room:") }},
	{"recovers from the database what it missed while its connection was lost", func(t *talk) { recovers(t, "kept:") }},
	{"learns that its position cannot be recovered", cannotRecover},
	{"understands deltas", understandsDeltas},
	{"sees the presence of two clients", seesPresence},
	{"receives joins and leaves", receivesJoins},
	{"is subscribed by its token and by the server API", isSubscribed},
	{"refreshes an expiring connection and stays", refreshes},
	{"fetches a new token for one that has expired", fetches},
	{"refreshes an expiring subscription to a private channel", refreshesSubscription},
	{"is not subscribed to a private channel without a token", needsToken},
	{"is unsubscribed by the server API", isUnsubscribed},
	{"is disconnected by the server API and does not reconnect", isDisconnected},
	{"is disconnected with a code of the application and reconnects", comesBack},
	{"cannot connect while its user is blocked, but can connect after that", isBlocked},
	{"receives error 111 when it sends too much", sendsTooMuch},
	{"is disconnected when it continues to send too much, and reconnects", goesOnSending},
}

func realtime(facts *score, encoding string) {
	for _, scenario := range scenarios {
		t := &talk{encoding: encoding}
		facts.fact(encoding+": "+scenario.name, func() { scenario.play(t) })
		t.end()
	}
}

func publishes(t *talk) {
	channel, user := fresh("room:"), fresh("ann-")
	mine, theirs := t.connected(user).subscribedTo(channel), t.connected(fresh("bob-")).subscribedTo(channel)
	mine.publish(object{"n": 1, "text": "grüß dich"})
	echo, heard := mine.publications.next(), theirs.publications.next()
	same(list(said(echo.Data), said(heard.Data)), list(object{"n": 1, "text": "grüß dich"}, object{"n": 1, "text": "grüß dich"}))
	if heard.Info == nil {
		fail("the publication has no publisher")
	}
	same(list(heard.Info.User), list(nameOf(user)))
}

func readsHistory(t *talk) {
	mine := t.connected(fresh("ann-")).subscribedTo(fresh("room:"))
	mine.publishNumbers(1, 10)
	top := history(mine)
	same(list(top.Offset, len(top.Publications)), list(10, 0))
	same(list(pages(mine, false)), list([][]int{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10}}))
	same(list(pages(mine, true)), list([][]int{{10, 9, 8, 7}, {6, 5, 4, 3}, {2, 1}}))
}

func history(e *ear, options ...centrifuge.HistoryOption) centrifuge.HistoryResult {
	return answered("history", func(ctx context.Context) (centrifuge.HistoryResult, error) { return e.History(ctx, options...) })
}

// pages returns all publications in the history, four per page.
func pages(e *ear, reverse bool) (read [][]int) {
	var since *centrifuge.StreamPosition
	for {
		page := history(e, centrifuge.WithHistoryLimit(4), centrifuge.WithHistoryReverse(reverse), centrifuge.WithHistorySince(since))
		if len(page.Publications) == 0 {
			return read
		}
		var numbers []int
		for _, publication := range page.Publications {
			numbers = append(numbers, number(publication.Data))
		}
		read = append(read, numbers)
		last := page.Publications[len(page.Publications)-1]
		since = &centrifuge.StreamPosition{Offset: last.Offset, Epoch: page.Epoch}
	}
}

func recovers(t *talk, namespace string) {
	channel := fresh(namespace)
	ann := t.connected(fresh("ann-"))
	mine := ann.subscribedTo(channel)
	mine.publishNumbers(1, 2)
	same(list(mine.numbers(2)), list([]int{1, 2}))
	ann.cut()
	publishFromServer(channel, 3, 6)
	ann.line.mend()
	again := mine.subscribed.next()
	mine.publishNumbers(7, 7)
	same(list(again.WasRecovering, again.Recovered, mine.numbers(5)), list(true, true, []int{3, 4, 5, 6, 7}))
	same(list(len(mine.publications.come)), list(0))
}

func cannotRecover(t *talk) {
	channel := fresh("brief:")
	ann := t.connected(fresh("ann-"))
	mine := ann.subscribedTo(channel)
	mine.publishNumbers(1, 1)
	mine.numbers(1)
	ann.cut()
	publishFromServer(channel, 2, 6)
	ann.line.mend()
	again := mine.subscribed.next()
	mine.publishNumbers(7, 7)
	same(list(again.WasRecovering, again.Recovered, mine.numbers(1)), list(true, false, []int{7}))
}

func understandsDeltas(t *talk) {
	channel := fresh("room:")
	mine := t.connected(fresh("ann-")).subscribedWith(channel, centrifuge.SubscriptionConfig{Delta: centrifuge.DeltaTypeFossil})
	long := strings.Repeat("The gate is up. ", 40)
	for n := 1; n <= 5; n++ {
		data := object{"n": n, "long": long}
		api("publish", object{"channel": channel, "data": data})
		same(list(said(mine.publications.next().Data)), list(data))
	}
}

func seesPresence(t *talk) {
	channel, ann, bob := fresh("room:"), fresh("ann-"), fresh("bob-")
	mine := t.connected(ann).subscribedTo(channel)
	t.connected(bob).subscribedTo(channel)
	presence := answered("presence", mine.Presence)
	var users []string
	for _, client := range presence.Clients {
		users = append(users, client.User)
	}
	slices.Sort(users)
	stats := answered("presence statistics", mine.PresenceStats)
	same(list(users, stats.NumClients, stats.NumUsers), list([]string{nameOf(ann), nameOf(bob)}, 2, 2))
}

func receivesJoins(t *talk) {
	channel, bob := fresh("room:"), fresh("bob-")
	mine := t.connected(fresh("ann-")).subscribedTo(channel)
	other := t.connected(bob)
	other.subscribedTo(channel)
	for mine.joins.next().User != nameOf(bob) {
		// The client receives its own join first.
	}
	other.line.cut()
	same(list(mine.leaves.next().User), list(nameOf(bob)))
}

func isSubscribed(t *talk) {
	first, second, user := fresh("news:"), fresh("news:"), fresh("reader-")
	reader := t.peer(centrifuge.Config{Token: token(object{"sub": user, "channels": []string{first}})}).connect()
	same(list(reader.subscribed.next().Channel), list(first))
	api("subscribe", object{"user": nameOf(user), "channel": second})
	same(list(reader.subscribed.next().Channel), list(second))
	publishFromServer(first, 1, 1)
	publishFromServer(second, 2, 2)
	one, two := reader.publications.next(), reader.publications.next()
	same(list(one.Channel, number(one.Data), two.Channel, number(two.Data)), list(first, 1, second, 2))
	api("unsubscribe", object{"user": nameOf(user), "channel": second})
	same(list(reader.unsubscribed.next().Channel), list(second))
}

// expiring returns a client whose token expires after this many seconds. The client then requests another token.
func (t *talk) expiring(seconds int64, asked *atomic.Int64) *peer {
	user := fresh("ann-")
	return t.peer(centrifuge.Config{
		Token: token(object{"sub": user, "exp": soon(seconds)}),
		GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
			asked.Add(1)
			return token(object{"sub": user, "exp": soon(60)}), nil
		},
	}).connect()
}

func refreshes(t *talk) {
	var asked atomic.Int64
	ann := t.expiring(2, &asked)
	time.Sleep(expiry)
	// The client connected only once.
	same(list(asked.Load(), ann.State(), len(ann.connecting.come)), list(1, centrifuge.StateConnected, 1))
}

func fetches(t *talk) {
	var asked atomic.Int64
	ann := t.expiring(-60, &asked)
	same(list(asked.Load(), ann.State()), list(1, centrifuge.StateConnected))
}

func refreshesSubscription(t *talk) {
	channel, user := fresh("$room:"), fresh("ann-")
	var asked atomic.Int64
	mine := t.connected(user).subscribedWith(channel, centrifuge.SubscriptionConfig{
		GetToken: func(asking centrifuge.SubscriptionTokenEvent) (string, error) {
			life := int64(60)
			if asked.Add(1) == 1 {
				life = 2
			}
			return token(object{"sub": user, "channel": asking.Channel, "exp": soon(life)}), nil
		},
	})
	time.Sleep(expiry)
	same(list(asked.Load(), mine.State()), list(2, centrifuge.SubStateSubscribed))
	same(list(len(mine.subscribed.come), len(mine.unsubscribed.come)), list(0, 0))
	mine.publishNumbers(1, 1)
	same(list(mine.numbers(1)), list([]int{1}))
}

func needsToken(t *talk) {
	refused := t.connected(fresh("ann-")).subscribing(fresh("$room:"), centrifuge.SubscriptionConfig{})
	same(list(refused.unsubscribed.next().Code), list(103))
}

func isUnsubscribed(t *talk) {
	channel, user := fresh("room:"), fresh("reader-")
	mine := t.connected(user).subscribedTo(channel)
	api("unsubscribe", object{"user": nameOf(user), "channel": channel})
	same(list(mine.unsubscribed.next().Code, mine.State()), list(2000, centrifuge.SubStateUnsubscribed))
}

func isDisconnected(t *talk) {
	user := fresh("reader-")
	reader := t.connected(user)
	result := api("disconnect", object{"user": nameOf(user)})
	code, reason := reader.ended()
	same(list(result["closed"], code, reason), list(1, 3503, "force disconnect"))
}

func comesBack(t *talk) {
	user := fresh("reader-")
	reader := t.connected(user)
	reader.connecting.next()
	api("disconnect", object{"user": nameOf(user), "disconnect": object{"code": 4200, "reason": "come again"}})
	again := reader.connecting.next()
	same(list(again.Code, again.Reason), list(4200, "come again"))
	reader.connected.next()
}

func isBlocked(t *talk) {
	user := fresh("reader-")
	reader := t.connected(user)
	api("block_user", object{"user": nameOf(user)})
	code, _ := reader.ended()
	same(list(code), list(4503))
	_ = reader.Connect()
	code, _ = reader.ended()
	same(list(code), list(4503))
	api("unblock_user", object{"user": nameOf(user)})
	reader.connect()
}

// sendsTooMuch sends a few commands at a time until some are refused. Each command is a frame, and the tenth frame over
// the limit ends the connection.
func sendsTooMuch(t *talk) {
	ann := t.connected(fresh("ann-"))
	mine := ann.subscribedTo(fresh("room:"))
	refused := 0
	for sent := 0; refused == 0; sent += 8 {
		if sent > 400 {
			fail("none of %d was refused", sent)
		}
		refused = publishAtOnce(mine, 8)
	}
	same(list(ann.State(), mine.State()), list(centrifuge.StateConnected, centrifuge.SubStateSubscribed))
}

// publishAtOnce publishes count times at once. It returns how many publications were refused with 111.
func publishAtOnce(e *ear, count int) (refused int) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	answers := make(chan error, count)
	for n := range count {
		go func() {
			_, err := e.Publish(ctx, payload(object{"n": n}))
			answers <- err
		}()
	}
	for range count {
		err := <-answers
		var told *centrifuge.Error
		switch {
		case err == nil:
		case errors.As(err, &told) && told.Code == 111:
			refused++
		default:
			fail("publish: %v", err)
		}
	}
	return refused
}

func goesOnSending(t *talk) {
	ann := t.connected(fresh("ann-"))
	mine := ann.subscribedTo(fresh("room:"))
	ann.connecting.next()
	// Some of the publications are lost with the connection.
	_ = outcome(func() { publishAtOnce(mine, 400) })
	// The client may notice the closed connection while it writes, before it reads the code.
	if again := ann.connecting.next(); again.Code != 3013 && again.Reason != "write error" {
		fail("%v", again)
	}
	ann.connected.next()
	same(list(len(ann.disconnected.come)), list(0))
}
