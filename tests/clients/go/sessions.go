package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

// Users that sign in over REST: messages, new tokens, the ends of their sessions, and a restart of the server.

const (
	sdkRoute = "/connection/websocket"
	ownRoute = "/api/v1/ws/chat"
)

func sessions(facts *score) {
	parts := []struct {
		name string
		play func(*score)
	}{
		{"talking", talking},
		{"renewing", renewing},
		{"ending", ending},
		// Last, because it restarts the server.
		{"returning", returning},
	}
	for _, part := range parts {
		if err := outcome(func() { part.play(facts) }); err != nil {
			facts.fact(part.name+" runs to its end", func() { fail("%v", err) })
		}
	}
}

// client returns a client of this person.
func (p *person) client(route string, asked *atomic.Int64) *peer {
	return newPeer("json", route, centrifuge.Config{Token: p.access, GetToken: p.getToken(asked)})
}

func talking(facts *score) {
	var asked atomic.Int64
	ann, bob := register(), register()
	one, two := ann.client(sdkRoute, &asked), bob.client(ownRoute, &asked)
	defer one.Close()
	defer two.Close()
	facts.fact("connects with a token from login", func() { one.connect() })
	facts.fact("connects at "+ownRoute+" as well", func() { two.connect() })
	mine, theirs := one.subscribedTo("chat:lobby"), two.subscribedTo("chat:lobby")
	facts.fact("receives what it published", func() {
		mine.publish(object{"text": "hello, lobby"})
		same(list(said(mine.publications.next().Data)), list(object{"text": "hello, lobby"}))
	})
	facts.fact("receives what another user published", func() {
		heard := theirs.publications.next()
		if heard.Info == nil {
			fail("the publication has no publisher")
		}
		same(list(said(heard.Data), heard.Info.User), list(object{"text": "hello, lobby"}, ann.id))
	})
	facts.fact("leaves a channel", func() {
		if err := mine.Unsubscribe(); err != nil {
			fail("%v", err)
		}
		same(list(mine.unsubscribed.next().Code), list(0))
	})
}

func renewing(facts *score) {
	var asked atomic.Int64
	ann := register()
	late := newPeer("json", sdkRoute, centrifuge.Config{GetToken: ann.getToken(&asked)})
	defer late.Close()
	facts.fact("asks GetToken for its first token", func() {
		late.connect()
		same(list(asked.Load()), list(1))
	})
	mine, before := late.subscribedTo("chat:lobby"), ann.access
	late.connecting.next()
	cli("user", "set-role", ann.email, "operator")
	facts.fact("reconnects after 3014 with a new token", func() {
		same(list(late.connecting.next().Code), list(3014))
		late.connected.next()
		same(list(asked.Load(), ann.access != before), list(2, true))
	})
	facts.fact("is subscribed again after 3014", func() { mine.subscribed.next() })
}

// end is a way in which a session ends, with the code and reason that its clients must receive.
type end struct {
	code         uint32
	reason, name string
	provoke      func(person, admin *person)
}

var ends = []end{
	{4500, "session revoked", "an operator revoked the session", func(person, admin *person) {
		admin.call("POST", "/api/v1/admin/revocations", object{"session": person.session, "reason": "scenario"})
	}},
	{4501, "signed out", "the user signed out", func(person, _ *person) {
		person.call("POST", "/api/v1/auth/logout", object{})
	}},
	{4502, "password changed", "the password was changed elsewhere", func(person, _ *person) {
		changed := object{"new_password": "another-copper-walrus-17"}
		person.elsewhere().call("POST", "/api/v1/profile/password", changed)
	}},
	{4503, "account disabled", "the account was suspended", func(person, _ *person) {
		cli("user", "set-status", person.email, "suspended")
	}},
	{4504, "refresh token reused", "a refresh token was used again", func(p, _ *person) {
		thief := *p
		same(list(p.renew(), p.renew(), thief.renew()), list(200, 200, 401))
	}},
}

func ending(facts *score) {
	operator := admin()
	type left struct {
		after string
		peer  *peer
	}
	var gone []left
	for _, end := range ends {
		var asked atomic.Int64
		owner := register()
		ended := owner.client(sdkRoute, &asked).connect()
		// This client has only the token from before the end, and cannot get another one.
		late := newPeer("json", sdkRoute, centrifuge.Config{Token: owner.access})
		end.provoke(owner, operator)
		facts.fact(fmt.Sprintf("ends with %d when %s", end.code, end.name), func() {
			told := ended.disconnected.next()
			same(list(told.Code, told.Reason), list(end.code, end.reason))
		})
		_ = late.Connect()
		facts.fact(fmt.Sprintf("the old token cannot connect after %d", end.code), func() {
			if told := late.disconnected.next(); told.Code < 3500 {
				fail("%v", told)
			}
		})
		gone = append(gone, left{fmt.Sprint(end.code), ended}, left{fmt.Sprintf("refusal after %d", end.code), late})
	}
	garbage := newPeer("json", sdkRoute, centrifuge.Config{Token: "not-a-token"})
	_ = garbage.Connect()
	facts.fact("ends with 3500 when the token is not valid", func() {
		told := garbage.disconnected.next()
		same(list(told.Code, told.Reason), list(3500, "invalid token"))
	})
	gone = append(gone, left{"3500", garbage})
	time.Sleep(quiet)
	for _, left := range gone {
		facts.fact("opens no further socket after "+left.after, func() {
			found := list(left.peer.State(), left.peer.line.attempts(), len(left.peer.disconnected.come))
			same(found, list(centrifuge.StateDisconnected, 1, 0))
		})
		left.peer.Close()
	}
}

func returning(facts *score) {
	var asked atomic.Int64
	ann := register().client(sdkRoute, &asked).connect()
	defer ann.Close()
	mine := ann.subscribedTo("chat:lobby")
	ann.connecting.next()
	control("restart")
	facts.fact("receives code 3001 when the server stops", func() { same(list(ann.connecting.next().Code), list(3001)) })
	facts.fact("reconnects by itself after the restart", func() {
		ann.connected.within(30 * time.Second)
		same(list(len(ann.disconnected.come)), list(0))
	})
	facts.fact("publishes and receives again after the restart", func() {
		mine.subscribed.next()
		mine.publish(object{"text": "back"})
		same(list(said(mine.publications.next().Data)), list(object{"text": "back"}))
	})
}
