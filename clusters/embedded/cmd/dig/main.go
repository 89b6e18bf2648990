// Command dig asks a DNS server, with the part of BIND's dig that people type: dig [@server] [-x] name [type] [+short] [+tcp] [+search]
// [+noall +answer]. Called nslookup, it is that: nslookup name [server]. Images that bring either get this one.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
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
	ask, code := dig, 9
	if filepath.Base(os.Args[0]) == "nslookup" {
		ask, code = nslookup, 1
	}
	if err := ask(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, ";; %v\n", err)
		os.Exit(code)
	}
}

func dig(args []string) error {
	q, err := parse(args)
	if err != nil {
		return err
	}
	reply, err := first(q)
	if err != nil {
		return err
	}
	show(reply, q)
	return nil
}

func nslookup(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: nslookup name [server]")
	}
	wanted := []string{args[0], "+search"}
	if net.ParseIP(args[0]) != nil {
		wanted = []string{"-x", args[0]}
	}
	if len(args) > 1 {
		wanted = append(wanted, "@"+args[1])
	}
	q, err := parse(wanted)
	if err != nil {
		return err
	}
	reply, err := first(q)
	if err != nil {
		return err
	}
	fmt.Printf("Server:\t\t%s\nAddress:\t%s#53\n\n", q.server, q.server)
	if len(reply.Answer) == 0 {
		return fmt.Errorf("** server can't find %s: %s", args[0], dns.RcodeToString[reply.Rcode])
	}
	for _, record := range reply.Answer {
		name := strings.TrimSuffix(record.Header().Name, ".")
		switch r := record.(type) {
		case *dns.A:
			fmt.Printf("Name:\t%s\nAddress: %s\n", name, r.A)
		case *dns.CNAME:
			fmt.Printf("%s\tcanonical name = %s\n", name, r.Target)
		case *dns.PTR:
			fmt.Printf("%s\tname = %s\n", name, r.Ptr)
		}
	}
	return nil
}

// first asks for one name after the other until there is an answer.
func first(q *question) (reply *dns.Msg, err error) {
	for _, name := range q.names {
		if reply, err = ask(name, q); err != nil || len(reply.Answer) > 0 {
			break
		}
	}
	return reply, err
}

func parse(args []string) (*question, error) {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
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
