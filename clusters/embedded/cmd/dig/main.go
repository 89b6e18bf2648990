// Command dig asks a DNS server, with the part of BIND's dig that people type: dig [@server] [-x] name [type] [+short] [+tcp] [+search]
// [+noall +answer]. Images that bring dig get this one.
package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/miekg/dns"
)

type question struct {
	server string
	names  []string
	kind   uint16
	tcp    bool
	short  bool
	answer bool // nothing but the answers
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, ";; %v\n", err)
		os.Exit(9)
	}
}

func run(args []string) error {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return err
	}
	q, err := parse(args, config)
	if err != nil {
		return err
	}
	var reply *dns.Msg
	for _, name := range q.names {
		if reply, err = ask(name, q); err != nil {
			return err
		}
		if len(reply.Answer) > 0 {
			break
		}
	}
	show(reply, q)
	return nil
}

func parse(args []string, config *dns.ClientConfig) (*question, error) {
	q := &question{kind: dns.TypeA}
	if len(config.Servers) > 0 {
		q.server = config.Servers[0]
	}
	name, search, reverse := ".", false, false
	for _, arg := range args {
		kind, isKind := dns.StringToType[strings.ToUpper(arg)]
		switch {
		case strings.HasPrefix(arg, "@"):
			q.server = arg[1:]
		case arg == "+short":
			q.short = true
		case arg == "+tcp":
			q.tcp = true
		case arg == "+search":
			search = true
		case arg == "+noall":
			q.answer = true
		case strings.HasPrefix(arg, "+"), arg == "-t", strings.EqualFold(arg, "IN"):
		case arg == "-x":
			reverse = true
		case isKind && name != ".":
			q.kind = kind
		default:
			name = arg
		}
	}
	if reverse {
		inverse, err := dns.ReverseAddr(name)
		if err != nil {
			return nil, err
		}
		name, q.kind = inverse, dns.TypePTR
	}
	if q.names = []string{dns.Fqdn(name)}; search {
		q.names = config.NameList(name)
	}
	return q, nil
}

func ask(name string, q *question) (*dns.Msg, error) {
	client := &dns.Client{}
	if q.tcp {
		client.Net = "tcp"
	}
	message := new(dns.Msg).SetQuestion(name, q.kind)
	message.SetEdns0(1232, false)
	reply, _, err := client.Exchange(message, net.JoinHostPort(q.server, "53"))
	if err == nil && reply.Truncated && !q.tcp {
		client.Net = "tcp"
		reply, _, err = client.Exchange(message, net.JoinHostPort(q.server, "53"))
	}
	return reply, err
}

func show(reply *dns.Msg, q *question) {
	if !q.short && !q.answer {
		fmt.Println(reply)
		return
	}
	for _, record := range reply.Answer {
		text := record.String()
		if q.short {
			text = strings.TrimPrefix(text, record.Header().String())
		}
		fmt.Println(text)
	}
}
