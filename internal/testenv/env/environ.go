package env

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// The variables by which tests find the servers.
const (
	VarMySQL    = "CXX_TEST_MYSQL"     // data source name without database
	VarMySQLPid = "CXX_TEST_MYSQL_PID" // process id, to measure its CPU time
	VarRedis    = "CXX_TEST_REDIS"     // host:port
	VarSlixmpp  = "CXX_TEST_SLIXMPP"   // a Python that has slixmpp
)

// Pair is a MariaDB and a Redis for one run of the tests.
type Pair struct {
	MariaDB *MariaDB
	Redis   *Redis
}

// StartPair starts both at the same time below dir.
func StartPair(dir string) (*Pair, error) {
	var p Pair
	var redisErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Redis, redisErr = within(dir, "redis", StartRedis)
	}()
	var mariaErr error
	p.MariaDB, mariaErr = within(dir, "mariadb", StartMariaDB)
	<-done
	if err := errors.Join(mariaErr, redisErr); err != nil {
		p.Stop()
		return nil, err
	}
	return &p, nil
}

func within[T any](dir, name string, start func(string) (T, error)) (T, error) {
	sub := filepath.Join(dir, name)
	if err := os.MkdirAll(sub, 0o700); err != nil {
		var none T
		return none, err
	}
	return start(sub)
}

// Environ returns the variables for a child process.
func (p *Pair) Environ() []string {
	all := []string{
		VarMySQL + "=" + p.MariaDB.DSN(),
		VarMySQLPid + "=" + strconv.Itoa(p.MariaDB.Pid()),
		VarRedis + "=" + p.Redis.Addr(),
	}
	if python := pythonWith("slixmpp"); python != "" {
		all = append(all, VarSlixmpp+"="+python)
	}
	return all
}

// Stop ends what runs of the two.
func (p *Pair) Stop() {
	if p.Redis != nil {
		p.Redis.Kill() // it has nothing to save
	}
	if p.MariaDB != nil {
		p.MariaDB.Stop()
	}
}
