package gateway

import (
	"fmt"
	"net/http"
	"strings"
)

// place is where an identity source looks.
type place string

const (
	inHeader         place = "header"
	inQuery          place = "querystring"
	inContext        place = "context"
	inStageVariables place = "stageVariables"
)

type source struct {
	place place
	name  string
}

// parseSource reads an identity source as the kind of API writes it.
func parseSource(kind Kind, text string) (source, error) {
	prefixes := map[string]place{
		"method.request.header.": inHeader, "method.request.multivalueheader.": inHeader,
		"method.request.querystring.": inQuery, "method.request.multivaluequerystring.": inQuery,
		"context.": inContext, "stageVariables.": inStageVariables,
	}
	example := "method.request.header.NAME"
	if kind == HTTP {
		prefixes = map[string]place{
			"$request.header.": inHeader, "$request.querystring.": inQuery, "$context.": inContext, "$stageVariables.": inStageVariables,
		}
		example = "$request.header.NAME"
	}
	for prefix, place := range prefixes {
		if name, ok := strings.CutPrefix(text, prefix); ok && name != "" {
			return source{place, name}, nil
		}
	}
	return source{}, fmt.Errorf("the identity source %s is not one of a %s API, such as %s", quoted([]string{text}), kind, example)
}

// read takes the value of an identity source from a request; several values of
// one name are joined with commas.
func (s source) read(r *http.Request, l *LambdaAuthorizer) string {
	switch s.place {
	case inHeader:
		if strings.EqualFold(s.name, "Host") {
			return r.Host
		}
		return strings.Trim(strings.Join(r.Header.Values(s.name), ","), " \t")
	case inQuery:
		return strings.Join(r.URL.Query()[s.name], ",")
	case inStageVariables:
		return l.stageVariables(r)[s.name]
	}
	return contextValue(l.requestContext(r), s.name)
}
