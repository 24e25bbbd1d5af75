#!/bin/sh
# Firefox as geckodriver starts it, but for one thing: told so by this variable it would end as soon as one of its pages crashed.
unset MOZ_CRASHREPORTER_SHUTDOWN
exec "$FIREFOX" "$@"
