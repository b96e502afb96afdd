export { coreHash } from 'strowger';
