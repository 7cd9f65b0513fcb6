package im

import "sync"

// Renderings keeps what edges have made of something for their clients, so that
// it is made once per form however many get it. The zero value is ready. It must
// not be copied after use.
type Renderings struct {
	mu   sync.Mutex
	made map[string][]byte // guarded by mu
}

// Encoded returns the rendering of a form, which make makes the first time. Nobody
// may change it. Any goroutine may call it.
func (r *Renderings) Encoded(form string, make func() []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, ok := r.made[form]
	if !ok {
		data = make()
		if r.made == nil {
			r.made = map[string][]byte{}
		}
		r.made[form] = data
	}
	return data
}
