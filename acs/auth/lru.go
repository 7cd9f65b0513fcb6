package auth

import "container/list"

// lru is a map that holds at most max keys.
type lru[K comparable, V any] struct {
	max   int
	order *list.List // of pair, newest in front
	index map[K]*list.Element
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](most int) lru[K, V] {
	return lru[K, V]{max: most, order: list.New(), index: map[K]*list.Element{}}
}

func (l *lru[K, V]) get(k K) (V, bool) {
	e, ok := l.index[k]
	if !ok {
		var none V
		return none, false
	}
	return e.Value.(*pair[K, V]).value, true
}

func (l *lru[K, V]) put(k K, v V) {
	if e, ok := l.index[k]; ok {
		e.Value.(*pair[K, V]).value = v
		l.order.MoveToFront(e)
		return
	}
	if len(l.index) >= l.max {
		oldest := l.order.Back()
		l.order.Remove(oldest)
		delete(l.index, oldest.Value.(*pair[K, V]).key)
	}
	l.index[k] = l.order.PushFront(&pair[K, V]{k, v})
}

func (l *lru[K, V]) remove(k K) {
	if e, ok := l.index[k]; ok {
		l.order.Remove(e)
		delete(l.index, k)
	}
}
