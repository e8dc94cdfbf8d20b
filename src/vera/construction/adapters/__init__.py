"""Networks in the place of embedded steps, by what they do: follow an object, cut it out finely, write the words."""
