# METADATA
# title: Pricing is for tills of this shop
# description: An identity of another shop is denied, wherever its packets come from.
package vedette.access

import rego.v1

deny contains {"rule": "other-shop", "description": "the till belongs to another shop"} if {
	input.resource.type == "api"
	not startswith(input.subject.id, sprintf("spiffe://%s/", [data.shop.domain]))
}
