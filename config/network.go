package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ParseNetworks reads addresses ("192.0.2.1", "2001:db8::1") and networks in CIDR
// notation ("10.0.0.0/8"); an address is a network of one. IPv4 written as IPv6
// becomes IPv4. The error names every entry that is neither.
func ParseNetworks(entries []string) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, 0, len(entries))
	var problems []string
	for _, entry := range entries {
		network, err := parseNetwork(entry)
		if err != nil {
			problems = append(problems, shown(entry))
			continue
		}
		networks = append(networks, network)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: no address and no network such as 10.0.0.0/8", strings.Join(problems, ", "))
	}
	return networks, nil
}

func parseNetwork(entry string) (netip.Prefix, error) {
	const mappedBits = 96
	if strings.Contains(entry, "/") {
		network, err := netip.ParsePrefix(entry)
		if err != nil {
			return netip.Prefix{}, err
		}
		if network.Addr().Is4In6() && network.Bits() >= mappedBits {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mappedBits)
		}
		return network.Masked(), nil
	}
	address, err := netip.ParseAddr(entry)
	if err != nil {
		return netip.Prefix{}, err
	}
	if address.Zone() != "" {
		return netip.Prefix{}, errors.New("an address with a zone is no network")
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), nil
}
