# METADATA
# title: Zones and conduits of a factory floor
# description: IEC 62443-3-2 words. What is no conduit is no way; writing to a controller is for its cell's engineers, in time.
package vedette.access

import rego.v1

zone_of(asset) := data.factory.zones[asset]

conduit if {
	from := zone_of(input.subject.properties.name)
	to := zone_of(input.resource.id)
	some way in data.factory.conduits
	way.from == from
	way.to == to
	input.action.name in way.actions
}

same_cell if zone_of(input.subject.properties.name) == zone_of(input.resource.id)

allow := {"rule": "conduit"} if conduit

allow := {"rule": "within-cell"} if {
	same_cell
	not conduit
	input.action.name == "read"
}

allow := {"rule": "maintenance"} if {
	same_cell
	not conduit
	input.action.name == "write"
	input.subject.properties.class == "engineering-station"
	in_maintenance_window
}

in_maintenance_window if {
	[hour, _, _] := time.clock([time.now_ns(), "UTC"])
	some window in data.factory.maintenance[zone_of(input.resource.id)]
	hour >= window.from
	hour < window.to
}

deny contains {"rule": "safety-system", "description": "nothing but its own zone reaches the safety system"} if {
	zone_of(input.resource.id) == "safety"
	object.get(data.factory.zones, input.subject.properties.name, "nowhere") != "safety"
}
