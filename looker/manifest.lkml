# What differs between installations. A connection signs in as the role qbank_analyst.
project_name: "qbank"

constant: connection {
  value: "qbank_analytics"
  export: override_optional
}

constant: schema {
  value: "analytics"
  export: override_optional
}
