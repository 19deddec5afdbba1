package store

import (
	"cmp"
	"slices"
)

// Clients lists the app clients of a pool by id.
func (s *Store) Clients(poolID string) []Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Client
	for _, c := range s.clients {
		if c.PoolID == poolID {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Client) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
