"""The widgets that a panel is made of: settings on top, what they bring below."""
