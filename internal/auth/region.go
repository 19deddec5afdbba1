package auth

import "strings"

// Endpoint is AWS's own endpoint of the user pool API in a region.
func Endpoint(region string) string { return ServiceEndpoint("cognito-idp", region) }

// ServiceEndpoint is AWS's own endpoint of a service in a region, in the form that most
// services have: cognito-identity and sts are among them.
func ServiceEndpoint(service, region string) string {
	return "https://" + service + "." + region + "." + dnsSuffix(region)
}

// dnsSuffix is the domain of a region's partition, as the SDK's endpoint rules
// have it (aws-sdk-go-v2, internal/endpoints).
func dnsSuffix(region string) string {
	for _, partition := range []struct{ prefix, suffix string }{
		{"cn-", "amazonaws.com.cn"},
		{"eusc-", "amazonaws.eu"},
		{"us-iso-", "c2s.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov"},
		{"eu-isoe-", "cloud.adc-e.uk"},
		{"us-isof-", "csp.hci.ic.gov"},
	} {
		if strings.HasPrefix(region, partition.prefix) {
			return partition.suffix
		}
	}
	return "amazonaws.com"
}
