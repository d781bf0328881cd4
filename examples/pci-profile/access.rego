# METADATA
# title: A profile for cardholder data, flavoured by PCI DSS 4.0
# description: Requirements 3 (stored data), 4 (transmission), 7 (need to know), 10 (logging) as far as a decision can hold them.
package vedette.access

import rego.v1

is_cardholder_data if "cardholder" in input.resource.properties.labels

service := data.services[input.resource.properties.service]

allow := {"rule": "need-to-know"} if {
	input.subject.properties.role in service.roles[input.action.name]
	input.context.purpose in service.purposes
}

deny contains {"rule": "audit-off", "description": "10.2: the service does not log access"} if {
	is_cardholder_data
	not service.auditLogging
}

deny contains {"rule": "encryption-off", "description": "3.5: the service stores card numbers in the clear"} if {
	is_cardholder_data
	not service.encryptionAtRest
}

deny contains {"rule": "no-direct-access", "description": "7.2: people reach cardholder data through a service only"} if {
	is_cardholder_data
	input.subject.type == "user"
}

deny contains {"rule": "purpose-undeclared", "description": "7.1: who asks says what for"} if {
	is_cardholder_data
	not input.context.purpose in service.purposes
}
