package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

// The application behind the clients: it issues their tokens, uses the server API, and has users that sign in.

const (
	issuerSecret = "what only the scenarios know"
	apiKey       = "a-key-that-only-the-scenarios-know"
	password     = "correct-zebra-lantern-42"
)

var made atomic.Int64

// fresh returns a unique name, such as room:go-17-3.
func fresh(kind string) string {
	return fmt.Sprintf("%sgo-%d-%d", kind, os.Getpid(), made.Add(1))
}

// nameOf returns the name that the server gives a user of this issuer.
func nameOf(user string) string { return "s:" + user }

// soon returns the time this many seconds from now, in seconds since the epoch.
func soon(seconds int64) int64 { return time.Now().Unix() + seconds }

// token returns a token with these claims.
func token(claims object) string {
	part := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			fail("claims: %v", err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(object{"alg": "HS256", "typ": "JWT"}) + "." + part(claims)
	mac := hmac.New(sha256.New, []byte(issuerSecret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// api calls a method of the server API and returns its result.
func api(method string, params object) object {
	status, answer := request("POST", "/api/"+method, [2]string{"X-API-Key", apiKey}, params)
	result, ok := answer["result"].(object)
	if !ok {
		fail("%s: %d %v", method, status, answer)
	}
	return result
}

// publishFromServer publishes {"n": first} to {"n": last}.
func publishFromServer(channel string, first, last int) {
	for n := first; n <= last; n++ {
		api("publish", object{"channel": channel, "data": object{"n": n}})
	}
}

// person is a user with the tokens of one session.
type person struct {
	email, password, id      string
	access, refresh, session string
}

func register() *person {
	p := &person{email: fresh("") + "@example.com", password: password}
	p.id = text(accepted("POST", "/api/v1/auth/register", "", object{"email": p.email, "password": password})["id"])
	return p.signIn()
}

func admin() *person {
	for _, user := range server().Users {
		if user.Role == "admin" {
			return (&person{email: user.Email, password: user.Password}).signIn()
		}
	}
	fail("no admin")
	return nil
}

// elsewhere opens another session of the same account.
func (p *person) elsewhere() *person {
	return (&person{email: p.email, password: p.password, id: p.id}).signIn()
}

func (p *person) signIn() *person {
	p.keep(accepted("POST", "/api/v1/auth/jwt/login", "", object{"username": p.email, "password": p.password}))
	return p
}

func (p *person) keep(granted object) {
	p.access, p.refresh = text(granted["access_token"]), text(granted["refresh_token"])
	p.session = text(granted["session_id"])
}

// renew uses the refresh token and returns the status of the answer.
func (p *person) renew() int {
	status, granted := request("POST", "/api/v1/auth/refresh", [2]string{}, object{"refresh_token": p.refresh})
	if status == 200 {
		p.keep(granted)
	}
	return status
}

// call sends a request with the access token of this person.
func (p *person) call(method, route string, body object) object {
	return accepted(method, route, p.access, body)
}

func accepted(method, route, access string, body object) object {
	sender := [2]string{}
	if access != "" {
		sender = [2]string{"Authorization", "Bearer " + access}
	}
	status, answer := request(method, route, sender, body)
	if status < 200 || status > 299 {
		fail("%s: %d %v", route, status, answer)
	}
	return answer
}

// getToken returns the token callback that an application gives to the client library. It counts its calls in asked.
func (p *person) getToken(asked *atomic.Int64) func(centrifuge.ConnectionTokenEvent) (string, error) {
	return func(centrifuge.ConnectionTokenEvent) (access string, err error) {
		asked.Add(1)
		// The callback runs in a goroutine of the library. A failed request must not end that goroutine.
		err = outcome(func() {
			status := p.renew()
			if status != 200 && status != 401 {
				fail("refresh: %d", status)
			}
			if status == 200 {
				access = p.access
			}
		})
		if err == nil && access == "" {
			err = centrifuge.ErrUnauthorized
		}
		return access, err
	}
}
