package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// maxClients is how many app clients of a pool are listed; AWS allows 1000
// unless asked for more.
const maxClients = 1000

// PoolDescription is what a user pool says about itself.
type PoolDescription struct {
	Name         string
	Domain       string // the prefix of <prefix>.auth.<region>.amazoncognito.com, or ""
	CustomDomain string // a host of one's own, or ""
	Clients      []ClientSummary
}

// ClientSummary names an app client.
type ClientSummary struct{ ID, Name string }

// ClientDescription is what an app client may do. Whether it has a secret is
// told, the secret is not.
type ClientDescription struct {
	ClientSummary
	HasSecret    bool
	Scopes       []string
	CallbackURLs []string // the default one first
}

// DescribePool asks for the pool of c and lists its app clients, with somebody's
// AWS credentials. A refusal of theirs is a *CallerError.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DescribeUserPool.html
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListUserPoolClients.html
func (c *Client) DescribePool(ctx context.Context, credentials aws.CredentialsProvider) (PoolDescription, error) {
	by := caller{op: "describe user pool " + c.config.UserPoolID, credentials: credentials.Retrieve}
	var out *cip.DescribeUserPoolOutput
	err := c.repeat(ctx, freely, func(ctx context.Context) (err error) {
		out, err = c.api.DescribeUserPool(ctx, &cip.DescribeUserPoolInput{UserPoolId: aws.String(c.config.UserPoolID)}, by.signed)
		return adminError(by.op, err)
	})
	if err != nil {
		return PoolDescription{}, err
	}
	d := PoolDescription{}
	if p := out.UserPool; p != nil {
		d.Name, d.Domain, d.CustomDomain = aws.ToString(p.Name), aws.ToString(p.Domain), aws.ToString(p.CustomDomain)
	}
	d.Clients, err = c.listClients(ctx, by)
	return d, err
}

// listClients follows the pages, as far as one leads to another one.
func (c *Client) listClients(ctx context.Context, by caller) ([]ClientSummary, error) {
	by.op = "list the app clients of " + c.config.UserPoolID
	var clients []ClientSummary
	var next *string
	for {
		var out *cip.ListUserPoolClientsOutput
		err := c.repeat(ctx, freely, func(ctx context.Context) (err error) {
			out, err = c.api.ListUserPoolClients(ctx, &cip.ListUserPoolClientsInput{
				UserPoolId: aws.String(c.config.UserPoolID), MaxResults: aws.Int32(60), NextToken: next,
			}, by.signed)
			return adminError(by.op, err)
		})
		if err != nil {
			return nil, err
		}
		for _, found := range out.UserPoolClients {
			clients = append(clients, ClientSummary{ID: aws.ToString(found.ClientId), Name: aws.ToString(found.ClientName)})
		}
		if aws.ToString(out.NextToken) == "" {
			return clients, nil
		}
		if aws.ToString(out.NextToken) == aws.ToString(next) || len(out.UserPoolClients) == 0 || len(clients) >= maxClients {
			return nil, fmt.Errorf("%s: the list does not end after %d clients", by.op, len(clients))
		}
		next = out.NextToken
	}
}

// DescribeClient asks for the app client of c. secret is its secret, if it has
// one: for the redactor, and nobody else.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DescribeUserPoolClient.html
func (c *Client) DescribeClient(ctx context.Context, credentials aws.CredentialsProvider) (d ClientDescription, secret string, err error) {
	by := caller{op: "describe app client " + c.config.ClientID, credentials: credentials.Retrieve}
	var out *cip.DescribeUserPoolClientOutput
	err = c.repeat(ctx, freely, func(ctx context.Context) (err error) {
		out, err = c.api.DescribeUserPoolClient(ctx, &cip.DescribeUserPoolClientInput{
			UserPoolId: aws.String(c.config.UserPoolID), ClientId: aws.String(c.config.ClientID),
		}, by.signed)
		return adminError(by.op, err)
	})
	if err != nil {
		return d, "", err
	}
	p := out.UserPoolClient
	if p == nil {
		p = &types.UserPoolClientType{}
	}
	d = ClientDescription{
		ClientSummary: ClientSummary{ID: aws.ToString(p.ClientId), Name: aws.ToString(p.ClientName)},
		HasSecret:     aws.ToString(p.ClientSecret) != "",
		Scopes:        p.AllowedOAuthScopes, CallbackURLs: slices.Clone(p.CallbackURLs),
	}
	if first := aws.ToString(p.DefaultRedirectURI); slices.Contains(d.CallbackURLs, first) {
		d.CallbackURLs = append([]string{first}, slices.DeleteFunc(d.CallbackURLs, func(u string) bool { return u == first })...)
	}
	return d, aws.ToString(p.ClientSecret), nil
}
