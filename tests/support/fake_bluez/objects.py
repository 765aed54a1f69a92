"""What a D-Bus service shows of itself: objects, their interfaces and properties."""

from dbus_fast import Variant

OBJECTS = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ON = Variant("b", True)  # noqa: FBT003 - D-Bus knows it by its place
OFF = Variant("b", False)  # noqa: FBT003


class Refusal(Exception):  # noqa: N818 - it is an answer, not a mishap
    """An error reply, e.g. ``Refusal("NotReady", "Resource Not Ready")``."""

    def __init__(self, name, text=""):
        super().__init__(name, text)
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text


class Objects:
    """A tree of objects, each change of which is a signal."""

    def __init__(self, emit):
        self._emit = emit
        self._tree = {}
        self._served = {}

    def add(self, path, interface, properties, served):
        """Show an object; `served` has its methods, in snake case."""
        self._tree[path] = {interface: properties}
        self._served[path] = served
        self._emit(
            "/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", path, self._tree[path]
        )

    def remove(self, path):
        """Remove an object and all below it."""
        for each in sorted(self._tree, reverse=True):
            if each == path or each.startswith(f"{path}/"):
                interfaces = list(self._tree.pop(each))
                del self._served[each]
                self._emit("/", OBJECTS, "InterfacesRemoved", "oas", each, interfaces)

    def change(self, path, **properties):
        """Change properties, if the object is still there."""
        if path in self._tree:
            ((interface, there),) = self._tree[path].items()
            there.update(properties)
            self._emit(
                path,
                PROPERTIES,
                "PropertiesChanged",
                "sa{sv}as",
                interface,
                properties,
                [],
            )

    def value(self, path, name):
        """Return a property's value."""
        ((_, properties),) = self._tree[path].items()
        return properties[name].value

    def paths(self, below=""):
        """List the objects there are."""
        return [path for path in self._tree if path.startswith(below)]

    def clear(self):
        """Show nothing, and say nothing of it."""
        self._tree.clear()
        self._served.clear()

    def served(self, path, interface):
        """Return who serves the methods of an interface of an object."""
        if interface not in self._tree.get(path, {}):
            raise Refusal(
                "org.freedesktop.DBus.Error.UnknownObject",
                f"Method on interface {interface} doesn't exist at {path}",
            )
        return self._served[path]

    async def get_managed_objects(self):
        return "a{oa{sa{sv}}}", self._tree

    async def get_all(self, path, interface):
        self.served(path, interface)
        return "a{sv}", self._tree[path][interface]

    async def get(self, path, interface, name):
        self.served(path, interface)
        return "v", self._tree[path][interface][name]


def text(value):
    return Variant("s", value)


def flag(value):
    return ON if value else OFF


def texts(values):
    return Variant("as", list(values))
