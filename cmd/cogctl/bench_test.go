package main

import "testing"

// BenchmarkTree is what every run pays before its command begins.
func BenchmarkTree(b *testing.B) {
	for b.Loop() {
		newRoot(newApp())
	}
}
