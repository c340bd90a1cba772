"""An offline check of a LookML project, as far as that goes without Looker.

Belongs here: parsing (`project`), resolving references to SQL (`fields`), building the queries
that Looker would build (`queries`), dashboards (`dashboards`) and the house rules (`rules`).
Never here: anything about qbank's marts; the tests bring those.
"""
