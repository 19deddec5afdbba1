package importer

import "fmt"

// isTerraform tells the answer of terraform output -json: each member has a
// value and says whether it is sensitive.
func (f *finder) isTerraform() bool {
	for _, output := range f.root.items {
		if output.get("value") == nil || output.get("sensitive") == nil {
			return false
		}
	}
	return len(f.root.items) > 0
}

func (f *finder) terraform() {
	f.found.Format = "Terraform outputs"
	for i, output := range f.root.items {
		f.collect(output.get("value"), f.root.keys[i], f.root.keys[i], 0)
	}
	f.judge()
}

// isCDK tells what cdk deploy --outputs-file writes: for each stack an object of
// strings.
func (f *finder) isCDK() bool {
	for _, stack := range f.root.items {
		if stack.kind != object {
			return false
		}
		for _, output := range stack.items {
			if output.kind != text {
				return false
			}
		}
	}
	return len(f.root.items) > 0
}

func (f *finder) cdk() {
	f.found.Format = "CDK outputs"
	for i, stack := range f.root.items {
		for j, output := range stack.items {
			f.collect(output, stack.keys[j], f.root.keys[i]+"."+stack.keys[j], 0)
		}
	}
	f.judge()
}

// cloudFormation reads the answer of aws cloudformation describe-stacks, whole,
// or one stack of it, or the list of its outputs.
func (f *finder) cloudFormation() {
	f.found.Format = "CloudFormation outputs"
	switch stacks := f.root.get("Stacks"); {
	case f.root.kind == array:
		f.outputs(f.root, "")
	case stacks != nil && stacks.kind == array:
		for _, stack := range stacks.items {
			f.stack(stack)
		}
	default:
		f.stack(f.root)
	}
	f.judge()
}

func (f *finder) stack(stack *node) {
	name := ""
	if n := stack.get("StackName"); n != nil && n.kind == text && n.text != "" {
		name = n.text + "."
	}
	if outputs := stack.get("Outputs"); outputs != nil && outputs.kind == array {
		f.outputs(outputs, name)
	}
}

// outputs reads a list of outputs; a list of stacks is one of those too.
func (f *finder) outputs(list *node, stack string) {
	for i, output := range list.items {
		key, value := output.get("OutputKey"), output.get("OutputValue")
		switch {
		case output.get("Outputs") != nil:
			f.stack(output)
		case key == nil || value == nil || key.kind != text || value.kind != text:
			f.failAt(output, "%soutput %d has no OutputKey and OutputValue", stack, i+1)
		case unprintable(key.text):
			f.failAt(key, "an OutputKey with characters that cannot be seen")
		default:
			f.collect(value, key.text, stack+key.text, 0)
		}
	}
}

// guess reads keys and values of any form, by their names.
func (f *finder) guess(n *node, name, from string) {
	f.collect(n, name, from, 0)
	f.judge()
}

// guessAPIs takes from keys and values of any form the URLs of APIs only.
func (f *finder) guessAPIs(n *node, from string) {
	if n == nil {
		return
	}
	f.collect(n, "", from, 0)
	for _, p := range f.pairs {
		if p.isAPI() {
			f.api(nameOfAPI(p.name), p.node, p.from)
		}
	}
	f.pairs = nil
}

// pair is a name and a value: a string, or a list of strings.
type pair struct {
	name string // to guess by
	from string // to tell people
	node *node
}

// collect makes pairs of a value: the members of an object are named after it.
func (f *finder) collect(n *node, name, from string, index int) {
	if index > 0 {
		name, from = fmt.Sprintf("%s.%d", name, index), fmt.Sprintf("%s.%d", from, index)
	}
	switch n.kind {
	case text:
		f.pairs = append(f.pairs, pair{name, from, n})
	case array:
		if isTexts(n) {
			f.pairs = append(f.pairs, pair{name, from, n})
			return
		}
		for i, item := range n.items {
			f.collect(item, name, from, i+1)
		}
	case object:
		for i, item := range n.items {
			f.collect(item, below(name, n.keys[i]), below(from, n.keys[i]), 0)
		}
	}
}

func below(name, key string) string {
	if name == "" || name[len(name)-1] == '.' {
		return name + key
	}
	return name + "." + key
}

func isTexts(n *node) bool {
	for _, item := range n.items {
		if item.kind != text {
			return false
		}
	}
	return len(n.items) > 0
}
