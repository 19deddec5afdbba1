package store

import "strings"

// answersTo says whether name signs this user in through an attribute. In a
// pool with UsernameAttributes the address is the name from the start; a mere
// alias counts only once it is verified.
func (p *poolState) answersTo(u *User, name string) bool {
	for _, a := range p.UsernameAttributes {
		if v := u.Attributes[a]; v != "" && fold(v) == fold(name) {
			return true
		}
	}
	for _, a := range p.AliasAttributes {
		if v := u.Attributes[a]; v != "" && fold(v) == fold(name) && u.verified(a) {
			return true
		}
	}
	return false
}

// sameName says whether two users of a pool whose usernames are e-mail
// addresses or phone numbers would sign in with the same one.
func (p *poolState) sameName(u, other *User) bool {
	for _, a := range p.UsernameAttributes {
		if v := u.Attributes[a]; v != "" && fold(v) == fold(other.Attributes[a]) {
			return true
		}
	}
	return false
}

// claimAliases sees to it that a verified alias belongs to one user only.
func (p *poolState) claimAliases(u *User, force bool) error {
	var losers []func()
	for _, a := range p.AliasAttributes {
		v := u.Attributes[a]
		if v == "" || !u.verified(a) {
			continue
		}
		for _, other := range p.users {
			if fold(other.Username) == fold(u.Username) || !other.verified(a) || fold(other.Attributes[a]) != fold(v) {
				continue
			}
			if !force {
				return ErrAliasExists
			}
			losers = append(losers, func() { other.Attributes[a+"_verified"] = "false" })
		}
	}
	for _, lose := range losers {
		lose()
	}
	return nil
}

// fold makes names comparable: pools are case-insensitive unless they were
// made otherwise (CreateUserPool, UsernameConfiguration).
func fold(name string) string { return strings.ToLower(name) }
